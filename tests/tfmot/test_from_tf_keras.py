import importlib.util

import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.tfmot import from_tf_keras, to_tf_keras
from tests import zoo

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("tf_keras") is None, reason="needs tf_keras"),
    pytest.mark.tensorflow,
]
QUICK = (zoo.chain, zoo.padded_shortcut, zoo.shared)
MODELS = [m for m in zoo.MODELS if m.__name__ != "grouped_queries"]


@pytest.mark.parametrize(
    "make",
    [m if m in QUICK else pytest.param(m, marks=pytest.mark.slow) for m in MODELS],
    ids=lambda make: make.__name__,
)
def test_there_and_back(make):
    model = zoo.randomise(make())
    again = from_tf_keras(to_tf_keras(model))
    inputs = zoo.inputs_for(model)
    for ours, theirs in zip(zoo.outputs(model, inputs), zoo.outputs(again, inputs), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6 * max(1, np.abs(ours).max()))


def legacy():
    """What old code builds: a nested model, raw operations, names of its own."""
    from tf_keras import Input, Model, Sequential, layers

    block = Sequential([layers.Conv2D(6, 3, padding="same"), layers.BatchNormalization()])
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(6, 3, activation="swish", padding="same", name="stem")(inputs)
    x = x + block(x)
    x = layers.Activation("hard_sigmoid", name="gate")(x * 2.0)
    x = layers.LeakyReLU(0.2)(x[:, ::2, 1:])
    outputs = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    model = Model(inputs, outputs, name="legacy")
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    return model


def test_a_legacy_model_comes_in_and_can_be_pruned(tmp_path):
    import tf_keras

    source = legacy()
    source.save(tmp_path / "legacy.h5")
    source = tf_keras.models.load_model(tmp_path / "legacy.h5")
    model = from_tf_keras(source)
    x = np.random.default_rng(1).normal(size=(4, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(model.predict(x, verbose=0), source(x, training=False), atol=1e-6)
    assert isinstance(model, keras.Model) and model.get_layer("stem").filters == 6
    slim = ccm_tf.rewrite(model, ccm_tf.plan(model, "magnitude", channels=0.7))
    assert slim.count_params() < model.count_params()


def test_a_sequential_model_comes_in():
    from tf_keras import Sequential, layers

    source = Sequential([layers.Dense(4, "relu", input_shape=(3,)), layers.Dense(2)])
    model = from_tf_keras(source)
    x = np.ones((2, 3), "float32")
    np.testing.assert_allclose(model.predict(x, verbose=0), source(x), atol=1e-6)


def test_what_cannot_come_in_is_named():
    import tf_keras

    with pytest.raises(ValueError, match="Expected a built functional or sequential"):
        from_tf_keras(zoo.chain())
    with pytest.raises(ValueError, match="Expected a built functional or sequential"):
        from_tf_keras(tf_keras.Sequential([tf_keras.layers.Dense(2)]))
    inputs = tf_keras.Input((4,))
    odd = tf_keras.Model(inputs, tf_keras.layers.Lambda(lambda x: x, name="odd")(inputs))
    with pytest.raises(ValueError, match="'odd'"):
        from_tf_keras(odd)
