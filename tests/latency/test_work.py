import keras
import pytest

from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.work import model_work

layers = keras.layers


def test_widths_follow_the_labels():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, strides=2, padding="same", name="conv")(inputs)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise")(x)
    model = keras.Model(inputs, layers.Dense(5, name="head")(layers.Flatten()(x)))
    graph = ChannelGraph(model)
    works = model_work(graph).works
    assert [work.widths() for work in works] == [(3, 6), (12, 12), (48, 5)]
    assert works[0].operator.output_size == (4, 4) and works[0].operator.strides == (2, 2)
    mask = graph.all_kept()
    mask[graph.producers[0].roots[:2]] = False
    kept = graph.kept(mask)
    assert [work.widths(kept) for work in works] == [(3, 4), (8, 8), (32, 5)]


def test_what_is_not_known_is_named():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 1, name="conv")(inputs)
    x = layers.UpSampling2D(2, interpolation="bicubic", name="up")(x)
    x = layers.Reshape((256, 4))(x)
    x = layers.MultiHeadAttention(2, 2, name="attention")(x, x)
    found = model_work(ChannelGraph(keras.Model(inputs, x)))
    assert found.unknown == ("up", "attention") and len(found.works) == 1


def test_open_sizes_are_refused():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.Conv2D(2, 1)(layers.Conv2D(4, 3)(inputs)))
    with pytest.raises(ValueError, match="Latency cannot be predicted.*unknown sizes"):
        model_work(ChannelGraph(model))
