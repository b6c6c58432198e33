import keras
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.blocks import find_blocks
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
