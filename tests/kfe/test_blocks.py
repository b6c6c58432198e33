import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.blocks import find_blocks, pre_activation
from tests import zoo


def bottleneck(kind=layers.Conv2D, **last):
    inputs = keras.Input((8, 8, 5))
    x = kind(3, 1, use_bias=False, name="conv_kfe_in")(inputs)
    x = layers.Conv2D(2, 3, use_bias=False, name="conv")(x)
    x = layers.Conv2D(6, 1, name="conv_kfe_out", **last)(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(layers.Flatten()(x)))


def test_shapes_and_who_makes_the_outputs():
    blocks, reasons = find_blocks(ChannelGraph(zoo.chain()))
    assert {name: block.shape for name, block in blocks.items()} == {
        "conv1": (9, 3, 6),
        "conv2": (9, 6, 8),
        "hidden": (1, 32, 5),
        "logits": (1, 5, 4),
    }
    assert [name for name, block in blocks.items() if block.is_output] == ["logits"]
    assert blocks["conv2"].pixels == (16, 4) and not reasons


def test_a_bottleneck_is_one_block():
    blocks, reasons = find_blocks(ChannelGraph(bottleneck(activation="relu")))
    assert list(blocks) == ["conv", "logits"]
    block = blocks["conv"]
    assert block.widths == (5, 6) and block.shape == (9, 3, 2)
    assert "rotation" in reasons["conv_kfe_in"] and "rotation" in reasons["conv_kfe_out"]
    into, out = block.rotations()
    assert into.shape == (5, 3) and out.shape == (6, 2)


def test_names_alone_make_no_bottleneck():
    inputs = keras.Input((8, 8, 5))
    x = layers.Conv2D(3, 1, activation="relu", name="conv_kfe_in")(inputs)
    x = layers.Conv2D(2, 3, use_bias=False, name="conv")(x)
    x = layers.Conv2D(6, 1, name="conv_kfe_out")(x)
    blocks, _ = find_blocks(ChannelGraph(keras.Model(inputs, x)))
    assert list(blocks) == ["conv_kfe_in", "conv", "conv_kfe_out"]


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
