import keras
import numpy as np
import pytest

import ccm_tf
from benchmarks.accuracy import training
from benchmarks.accuracy.on_device import DeviceBatches
from tasks.batches import Batches, Preprocessing

RECIPE = {"epochs": 2, "learning_rate": 0.05, "momentum": 0.9}


def batches(**settings):
    images = np.random.default_rng(0).integers(0, 256, (20, 6, 8, 3)).astype("uint8")
    kept = Preprocessing((0.5, 0.4, 0.3), (0.25, 0.2, 0.3), **settings)
    return Batches(images, np.arange(20) % 2, kept, 8, seed=3)


def network():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.ReLU(name="relu")(keras.layers.BatchNormalization(name="bn")(x))
    x = keras.layers.Conv2D(3, 3, name="conv2")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="logits")(x), name="small")


@pytest.mark.parametrize("settings", [{}, {"pad": 0}, {"pad": 2, "flip": False}, {"bgr": True}])
def test_images_are_those_of_the_batches(settings):
    data = batches(**settings)
    data.epoch = 1
    there = DeviceBatches(data)
    assert len(there) == len(data) == 3
    for index in range(3):
        found, labels = there[index]
        images, expected = data[index]
        # Within a compiled program a product and a sum may be rounded once.
        np.testing.assert_allclose(keras.ops.convert_to_numpy(found), images, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(labels, expected)


def test_training_is_that_on_batches(tmp_path):
    there, here = network(), network()
    training.fit_epochs(here, batches(), RECIPE, tmp_path / "here.npz")
    training.fit_epochs(there, DeviceBatches(batches()), RECIPE, tmp_path / "there.npz")
    for one, other in zip(here.weights, there.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_ccm_loss_sees_the_layers_of_the_network(tmp_path):
    model = ccm_tf.Model.from_model(network())
    for layer in ccm_tf.feature_layers(model):
        model.add_loss(ccm_tf.CCMLoss(layer, over="samples"))
    log = training.fit_epochs(model, DeviceBatches(batches()), RECIPE, tmp_path / "a.npz")
    assert 0 < log[-1]["ccm"] <= 1
