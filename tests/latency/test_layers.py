import keras

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
        ("norm", "scale"),
        ("norm", "scale"),
        ("relu", "clamp"),
        ("add", "binary"),
        ("late", "clamp"),
        ("alone", "scale"),
        ("alone", "scale"),
        ("pad", "pad"),
        ("pool", "max_pool"),
        ("silu", "unary"),
        ("cat", "concat"),
        ("mean", "mean"),
    ]
