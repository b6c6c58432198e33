import keras
import pytest

from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.work import model_work

layers = keras.layers


def kinds(model):
    return [(work.layer, work.operator.kind) for work in model_work(ChannelGraph(model)).works]


def test_what_the_converter_folds_costs_nothing():
    inputs = keras.Input((8, 8, 3))
    x = layers.ZeroPadding2D(1, name="pad")(inputs)
    x = layers.Conv2D(6, 3, use_bias=False, name="conv")(x)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    x = layers.Dropout(0.5)(layers.MaxPooling2D(2, name="pool")(x))
    x = layers.Dense(4, activation="softmax", name="classes")(layers.Flatten()(x))
    assert kinds(keras.Model(inputs, x)) == [
        ("conv", "conv"),
        ("pool", "max_pool"),
        ("classes", "dense"),
        ("classes", "unary"),
    ]


def test_what_cannot_be_folded_is_an_operator():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 1, name="conv")(inputs)
    first = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    shortcut = layers.ReLU(name="late")(layers.Add(name="add")([x, first]))
    x = layers.BatchNormalization(name="alone")(shortcut)
    x = layers.MaxPooling2D(2, name="pool")(layers.ZeroPadding2D(1, name="pad")(x))
    x = layers.Concatenate(name="cat")([x, layers.Activation("silu", name="silu")(x)])
    assert kinds(keras.Model(inputs, layers.GlobalAveragePooling2D(name="mean")(x))) == [
        ("conv", "conv"),
        ("add", "binary"),
        ("alone", "scale"),
        ("alone", "scale"),
        ("pad", "pad"),
        ("pool", "max_pool"),
        ("silu", "unary"),
        ("cat", "concat"),
        ("mean", "mean"),
    ]


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
    x = layers.Conv2DTranspose(4, 3, name="up")(layers.Conv2D(4, 1, name="conv")(inputs))
    found = model_work(ChannelGraph(keras.Model(inputs, x)))
    assert found.unknown == ("up",) and len(found.works) == 1


def test_open_sizes_are_refused():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layers.Conv2D(2, 1)(layers.Conv2D(4, 3)(inputs)))
    with pytest.raises(ValueError, match="Latency cannot be predicted.*unknown sizes"):
        model_work(ChannelGraph(model))
