import keras
import numpy as np
import pytest
from keras import ops

from ccm_tf.recovery import moves


def test_gradient_of_a_linear_model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")

    def loss(run):
        out = run(x)
        return ops.sum(out), out

    value, out, gradients = moves.gradients_of(model, loss)
    np.testing.assert_allclose(ops.convert_to_numpy(out), ops.convert_to_numpy(model(x)))
    assert float(value) == pytest.approx(float(ops.sum(out)))
    np.testing.assert_allclose(ops.convert_to_numpy(gradients[0])[:, 0], x.sum(0), rtol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(gradients[1]), [4.0])


def test_other_backends_are_refused(monkeypatch):
    monkeypatch.setattr(moves, "_BACKENDS", {"other": None})
    with pytest.raises(NotImplementedError, match="other"):
        moves.gradients_of(None, None)
