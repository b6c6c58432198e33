import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.kfe.pre_activation import pre_activation


@pytest.mark.parametrize("activation", [None, "relu", "softmax"])
@pytest.mark.parametrize(
    "layer, shape",
    [
        (layers.Conv1D(4, 3, padding="causal", dilation_rate=2), (9, 3)),
        (layers.Conv2D(4, 3, strides=2, padding="same"), (7, 6, 3)),
        (layers.Dense(4, use_bias=False), (5, 3)),
    ],
    ids=["causal", "strided", "dense"],
)
def test_the_tap_sits_before_the_activation(layer, shape, activation):
    layer = type(layer).from_config({**layer.get_config(), "activation": activation})
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    expected = np.asarray(layer(x))
    seen = []
    found = pre_activation(layer, keras.ops.convert_to_tensor(x), lambda z: seen.append(z) or z)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.asarray(layer.activation(seen[0])), expected, rtol=1e-5)
