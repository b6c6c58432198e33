import keras
import numpy as np
import pytest

from ccm_tf.kfe.geometry import Axis, multiplicity, tap_views


def test_multiplicity_of_a_padded_three_by_three():
    axis = Axis(3, padding="same")
    found = multiplicity((axis, axis), (4, 4))
    assert found[0, 0] == 4 and found[0, 1] == 6 and found[1, 1] == 9
    assert found.dtype == np.float32


AXES = [
    (Axis(kernel, stride, dilation, padding), size)
    for kernel in (1, 2, 3)
    for stride, dilation in ((1, 1), (2, 1), (3, 1), (1, 2))
    for padding in ("valid", "same", "causal")
    for size in (5, 6)
]


@pytest.mark.parametrize("axis, size", AXES)
def test_taps_and_multiplicity_agree_with_the_layer(axis, size):
    layer = keras.layers.Conv1D(
        1,
        axis.kernel,
        strides=axis.stride,
        dilation_rate=axis.dilation,
        padding=axis.padding,
        use_bias=False,
    )
    x = np.random.default_rng(0).normal(size=(2, size, 1)).astype("float32")
    expected = np.asarray(layer(x))
    kernel = np.asarray(layer.kernel)[:, 0, 0]
    views = [np.asarray(v) for v in tap_views((axis,), keras.ops.convert_to_tensor(x))]
    total = sum(k * v for k, v in zip(kernel, views, strict=True))
    np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-6)
    assert axis.outputs(size) == expected.shape[1]
    squares = sum((v**2).sum() for v in views)
    np.testing.assert_allclose(
        (x[..., 0] ** 2 * multiplicity((axis,), (size,))).sum(), squares, rtol=1e-5
    )
