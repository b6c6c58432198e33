import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.slices import _kind
from ccm_tf.latency.work import model_work
from ccm_tf.litert_metadata import unpacked_model

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


def rising():
    """A network whose maps become larger in every way that is known."""
    inputs = keras.Input((4, 5, 3))
    x = layers.Conv2DTranspose(6, 3, strides=2, padding="same", use_bias=False, name="up")(inputs)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    x = layers.UpSampling2D((3, 2), name="repeat")(x)
    x = layers.Conv2DTranspose(5, 2, strides=2, activation="relu", name="valid")(x)
    x = layers.UpSampling2D((1, 2), interpolation="bilinear", name="smooth")(x)
    x = keras.ops.image.resize(x, (20, 30), interpolation="nearest")
    x = layers.Resizing(22, 10, name="other")(x)
    x = layers.UpSampling1D(2, name="line")(layers.Reshape((220, 5))(x))
    x = layers.Conv1DTranspose(2, 3, strides=2, name="last")(x)
    return keras.Model(inputs, x)


def test_what_makes_maps_larger():
    model = rising()
    found = model_work(ChannelGraph(model))
    assert not found.unknown
    works = [(w.layer, w.operator.kind, w.operator.output_size, w.widths()) for w in found.works]
    assert [work for work in works if not work[0].startswith("resize")] == [
        ("up", "transposed", (8, 10), (3, 6)),
        ("repeat", "tile", (24, 10), (6, 6)),
        ("repeat", "tile", (24, 20), (6, 6)),
        ("valid", "transposed", (48, 40), (6, 5)),
        ("smooth", "resize_bilinear", (48, 80), (5, 5)),
        ("other", "resize_bilinear", (22, 10), (5, 5)),
        ("line", "tile", (1, 440), (5, 5)),
        ("last", "transposed", (1, 881), (5, 2)),
    ]
    assert [work[1:3] for work in works if work[0].startswith("resize")] == [
        ("resize_nearest", (20, 30))
    ]


@pytest.mark.tensorflow
def test_the_converter_makes_these_operators(tmp_path):
    model = rising()
    # A bias of zero would be left out, and the rectifier behind it stand alone.
    model.set_weights([np.full(w.shape, 0.5) for w in model.get_weights()])
    options = ccm_tf.ExportOptions(batch_size=1)
    file = unpacked_model(ccm_tf.export_tflite(model, tmp_path / "up.tflite", options=options).path)
    names = {
        "transposed": "TRANSPOSE_CONV",
        "tile": "TILE",
        "resize_bilinear": "RESIZE_BILINEAR",
        "resize_nearest": "RESIZE_NEAREST_NEIGHBOR",
    }
    made = []
    for operator in file.subgraphs[0].operators:
        shape = file.subgraphs[0].tensors[operator.outputs[0]].shape
        if _kind(file, operator) != "RESHAPE":
            made.append((_kind(file, operator), int(np.prod(shape))))
    works = model_work(ChannelGraph(model)).works
    assert made == [
        (names[work.operator.kind], int(np.prod(work.operator.output_size)) * work.widths()[1])
        for work in works
    ]
