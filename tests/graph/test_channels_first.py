"""Channels before the pixels: every layer with a data format, and networks of them.

Keras transposes where a processor lacks a kernel, so these models run wherever the tests do. On
TensorFlow, `keras.ops.add` (Keras 3.15) takes a bias for one along the last axis where that axis
is as long as the channels', so images are wider here than there are channels.
"""

import inspect

import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.mask import mask
from ccm_tf.plan import plan
from ccm_tf.recovery.recalibrate import recalibrate
from ccm_tf.rewrite import rewrite
from tests import zoo
from tests.graph import examples

FORMATTED = [
    cls for cls in examples.LAYERS if "data_format" in inspect.signature(cls.__init__).parameters
]


@pytest.fixture(autouse=True)
def channels_first():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format(before)


def assert_slim_equals_masked(model, the_plan):
    inputs = zoo.inputs_for(model)
    slim = rewrite(model, the_plan)
    for a, b in zip(
        zoo.outputs(mask(model, the_plan), inputs), zoo.outputs(slim, inputs), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(a).max()))
    return slim


def test_layers_with_a_data_format_are_found():
    assert len(FORMATTED) > 40 and layers.Conv2D in FORMATTED and layers.Flatten in FORMATTED


@pytest.mark.parametrize("cls", FORMATTED, ids=lambda cls: cls.__name__)
def test_layer(cls):
    rank = examples.rank_for(cls)
    conv = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}[rank]
    for use in examples.LAYERS[cls]:
        inputs = keras.Input((3, *(13,) * rank))
        try:
            x = use(conv(6, 1, name="before")(inputs))
        except ValueError as error:
            # Some examples fix the place of the channels, or pad causally.
            pytest.skip(str(error).splitlines()[0])
        model = keras.Model(inputs, layers.Dense(3, name="after")(layers.Flatten()(x)))
        graph = ChannelGraph(zoo.randomise(model))
        assert sum(len(group.roots) for group in graph.groups), "all channels are frozen"
        assert_slim_equals_masked(model, zoo.random_plan(model, 1))


def residual():
    """Batch normalisation, depthwise and grouped convolutions, a gate, joins and a sum."""
    inputs = keras.Input((3, 16, 16))
    x = layers.Conv2D(6, 3, padding="same", name="stem")(inputs)
    y = layers.BatchNormalization(axis=1, name="bn")(x)
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise")(y)
    y = layers.PReLU(shared_axes=[2, 3], name="prelu")(y)
    y = layers.Conv2D(6, 1, groups=3, name="grouped")(y)
    gate = layers.GlobalAveragePooling2D(name="pool")(y)
    gate = layers.Dense(6, activation="sigmoid", name="gate")(gate)
    y = layers.Multiply(name="excite")([y, layers.Reshape((6, 1, 1), name="shape")(gate)])
    x = layers.Add(name="add")([x, y])
    x = layers.Concatenate(axis=1, name="join")([x, y[:, 1:4]])
    x = layers.MaxPooling2D(2, name="max")(x)
    x = layers.Flatten(name="flat")(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(x))


@pytest.mark.parametrize("seed", range(3))
def test_network(seed):
    model = zoo.randomise(residual())
    frozen = [reason for group in ChannelGraph(model).groups for reason in group.reasons]
    assert frozen == ["is an output of the model"]
    slim = assert_slim_equals_masked(model, zoo.random_plan(model, seed))
    assert slim.get_layer("stem").data_format == "channels_first"


def test_plans_from_data_and_recovery():
    model = zoo.randomise(residual())
    images = zoo.inputs_for(model, batch=16)
    made = plan(model, "pca", images, macs=0.6)
    slim = recalibrate(rewrite(model, made, fold="least_squares", data=images), images)
    assert slim.count_params() < model.count_params()
    slim.compile("sgd", "mse", jit_compile=False)
    loss = slim.train_on_batch(images, np.zeros((16, 3), "float32"))
    assert np.isfinite(loss)
