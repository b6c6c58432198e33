import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.tfmot import to_tf_keras
from tests import zoo

needs_tf_keras = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="needs tf_keras"
)
pytestmark = [needs_tf_keras, pytest.mark.tensorflow]
QUICK = (zoo.chain, zoo.padded_shortcut, zoo.squeeze_excite, zoo.shared)
# tf_keras has no layer for grouped queries.
MODELS = [m for m in zoo.MODELS if m.__name__ != "grouped_queries"]


def outputs(legacy, inputs):
    return [np.asarray(v) for v in keras.tree.flatten(legacy(inputs, training=False))]


@pytest.mark.parametrize(
    "make",
    [m if m in QUICK else pytest.param(m, marks=pytest.mark.slow) for m in MODELS],
    ids=lambda make: make.__name__,
)
def test_outputs_are_the_same(make):
    model = zoo.randomise(make())
    legacy = to_tf_keras(model)
    inputs = zoo.inputs_for(model)
    for ours, theirs in zip(zoo.outputs(model, inputs), outputs(legacy, inputs), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6 * max(1, np.abs(ours).max()))
    assert model.layers[1].name in {layer.name for layer in legacy.layers}
    assert type(legacy).__module__.startswith("tf_keras.")
    assert "TF_USE_LEGACY_KERAS" not in os.environ


def test_operations_become_layers_that_tfmot_knows():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu6", name="conv")(inputs)
    x = keras.ops.relu(x + layers.Conv2D(4, 1, name="other")(x))
    x = keras.ops.mean(keras.ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), axis=(1, 2))
    legacy = to_tf_keras(keras.Model(inputs, x))
    kinds = {type(layer).__name__ for layer in legacy.layers}
    assert not {"TFOpLambda", "SlicingOpLambda"} & kinds
    assert {"Add", "Activation", "ZeroPadding2D", "GlobalAveragePooling2D"} <= kinds


def test_settings_come_along():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, kernel_regularizer=keras.regularizers.L2(0.01), name="conv")(inputs)
    x = layers.LeakyReLU(negative_slope=0.3, name="leaky")(x)
    model = keras.Model(inputs, x)
    model.get_layer("conv").trainable = False
    legacy = to_tf_keras(model)
    assert float(legacy.get_layer("conv").kernel_regularizer.l2) == pytest.approx(0.01)
    assert float(legacy.get_layer("leaky").alpha) == pytest.approx(0.3)
    assert not legacy.get_layer("conv").trainable


def test_what_tf_keras_lacks_is_named():
    class Custom(layers.Layer):
        def call(self, inputs):
            return inputs

    inputs = keras.Input((4,))
    with pytest.raises(ValueError, match="'mine' is a Custom, which tf_keras does not have"):
        to_tf_keras(keras.Model(inputs, Custom(name="mine")(inputs)))
    with pytest.raises(ValueError, match="is the operation Cumsum"):
        to_tf_keras(keras.Model(inputs, keras.ops.cumsum(inputs, axis=1)))
    with pytest.raises(ValueError, match="a mean over the axes"):
        to_tf_keras(keras.Model(inputs, keras.ops.mean(inputs, axis=1)))


# In a process of its own, since importing tfmot changes `tf.keras` and the environment.
END_TO_END = """
import os, tempfile
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras, numpy as np
from sklearn.datasets import load_digits
import ccm_tf

keras.utils.set_random_seed(0)
x, y = load_digits(return_X_y=True)
x = np.repeat(np.repeat(x.reshape(-1, 8, 8, 1) / 8 - 1, 4, 1), 4, 2)
x = np.repeat(x, 3, 3).astype("float32")
train, test = (x[:1500], y[:1500]), (x[1500:], y[1500:])

def accuracy(scores):
    return float(np.mean(np.argmax(scores, 1) == test[1]))

def trained(model, epochs):
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    model.fit(*train, batch_size=50, epochs=epochs, verbose=0)
    ccm_tf.recalibrate(model, train[0])

dense = keras.applications.MobileNetV2(
    (32, 32, 3), alpha=0.35, weights=None, classes=10)
trained(dense, 8)
slim = ccm_tf.rewrite(dense, ccm_tf.plan(dense, "magnitude", macs=0.5))
assert ccm_tf.profile(slim).macs <= 0.5 * ccm_tf.profile(dense).macs
trained(slim, 5)
legacy = ccm_tf.tfmot.to_tf_keras(slim)
assert "TF_USE_LEGACY_KERAS" not in os.environ

import tensorflow as tf
import tensorflow_model_optimization as tfmot
quantised = tfmot.quantization.keras.quantize_model(legacy)
quantised.compile("adam", "sparse_categorical_crossentropy")
quantised.optimizer.learning_rate.assign(1e-4)
quantised.fit(*train, batch_size=50, epochs=1, verbose=0)
converter = tf.lite.TFLiteConverter.from_keras_model(quantised)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
file = converter.convert()

from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_content=file)
interpreter.allocate_tensors()
(entry,), (end,) = interpreter.get_input_details(), interpreter.get_output_details()
scores = []
for image in test[0]:
    interpreter.set_tensor(entry["index"], image[None])
    interpreter.invoke()
    scores.append(interpreter.get_tensor(end["index"])[0])
kinds = [str(d["dtype"]) for d in interpreter.get_tensor_details()]
print("int8", sum("int8" in kind for kind in kinds) > len(kinds) / 2)
print("bytes", len(file) < slim.count_params() * 2)
floats = slim.predict(test[0], verbose=0)
print("accuracies", accuracy(dense.predict(test[0], verbose=0)), accuracy(floats),
      accuracy(quantised.predict(test[0], verbose=0)), accuracy(np.array(scores)))
print("agreement", float(np.mean(np.argmax(scores, 1) == np.argmax(floats, 1))))
"""


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow_model_optimization") is None, reason="needs tfmot"
)
def test_pruned_mobilenet_goes_through_quantisation_aware_training_to_int8():
    done = subprocess.run([sys.executable, "-c", END_TO_END], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
    assert found["int8"] == found["bytes"] == ["True"]
    _, slim, _, int8 = map(float, found["accuracies"])
    assert slim > 0.7 and int8 > slim - 0.05, done.stdout
    assert float(found["agreement"][0]) > 0.85, done.stdout
