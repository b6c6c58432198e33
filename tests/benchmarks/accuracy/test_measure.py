import keras
import numpy as np
import pytest

from benchmarks.accuracy import measure
from tasks.batches import Batches, Preprocessing

PLAIN = Preprocessing((0.0,) * 3, (1.0,) * 3, pad=0, flip=False)


def test_over_samples():
    # Two orthogonal pairs of twins: half of the entries are 1, two components hold everything.
    correlation = np.kron(np.eye(2), np.ones((2, 2)))
    assert measure.over_samples(correlation) == {"samples": 0.5, "k90": 2}
    assert measure.over_samples(np.eye(10)) == {"samples": pytest.approx(0.1), "k90": 9}
    assert measure.over_samples(np.ones((4, 4)))["k90"] == 1
    assert measure.over_samples(np.zeros((4, 4)))["k90"] == 1


def test_accuracy_counts_the_largest_logit():
    inputs = keras.Input((2, 2, 3))
    means = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, means)
    images = np.zeros((8, 2, 2, 3), "uint8")
    images[np.arange(8), :, :, np.arange(8) % 3] = 255
    labels = np.arange(8) % 3
    labels[:2] = 2
    assert measure.accuracy(model, Batches(images, labels, PLAIN, 3)) == 0.75


def test_redundancy_of_twin_channels():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    outputs = keras.layers.Dense(2, name="logits")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    kernel, bias = model.get_layer("conv").get_weights()
    model.get_layer("conv").set_weights([np.repeat(kernel[..., :1], 4, axis=-1), bias])
    images = np.random.default_rng(0).normal(size=(10, 8, 8, 3)).astype("float32")
    found = measure.redundancy(model, images, batch_size=4)
    assert found[0]["channels"] == 4
    assert found[0]["mean_map"] == pytest.approx(1.0, abs=1e-5)
    assert found[0]["samples"] == pytest.approx(1.0, abs=1e-5)
    assert found[0]["k90"] == 1


def test_mean_maps_are_taken_per_batch():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    outputs = keras.layers.Dense(2, name="logits")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, outputs)
    images = np.random.default_rng(0).normal(size=(12, 8, 8, 3)).astype("float32")
    whole = measure.redundancy(model, images, batch_size=4)[0]["mean_map"]
    parts = [measure.redundancy(model, images[i : i + 4])[0]["mean_map"] for i in (0, 4, 8)]
    assert whole == pytest.approx(np.mean(parts), rel=1e-4)
