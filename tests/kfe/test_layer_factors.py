import numpy as np
import pytest

from ccm_tf.kfe.layer_factors import LayerFactors


def empty(patches=None):
    return LayerFactors("conv", 9, np.zeros((2, 2)), np.zeros((3, 3)), patches)


def test_averages():
    layer = empty()
    layer.update(4, 36 * np.eye(2), 8 * np.eye(3), 2)
    np.testing.assert_array_equal(layer.omega, np.eye(2))
    np.testing.assert_array_equal(layer.gamma, np.eye(3))
    assert (layer.inputs, layer.outputs, layer.positions) == (2, 3, 8)


def test_clear_errors():
    layer = empty()
    with pytest.raises(ValueError, match="seen no example"):
        layer.omega  # noqa: B018 - reading it raises
    with pytest.raises(ValueError, match="patches=True"):
        layer.patch_omega  # noqa: B018
    with pytest.raises(ValueError, match="gradients of layer 'conv' hold NaN"):
        layer.update(1, np.eye(2), np.full((3, 3), np.nan), 1)
    with pytest.raises(ValueError, match="Only one"):
        layer.merge(empty(np.zeros((18, 18))))
