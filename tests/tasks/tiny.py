"""A network and images so small that what takes time is starting processes and tracing."""

import keras
import numpy as np

from tasks import data
from tasks.datasets.source import CIFAR_PREPROCESSING, Images


def network():
    """Convolutions with batch normalisation; what the programs train takes seconds to trace."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = x = keras.Input((32, 32, 3))
    for i in (1, 2):
        x = layers.Conv2D(4, 3, strides=4, name=f"conv{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(layers.BatchNormalization(name=f"bn{i}")(x))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def dataset():
    """36 images to train on, 12 to watch it and 24 to test, of three noisy colours."""
    generator = np.random.default_rng(0)
    colours = np.array([(40, 60, 200), (40, 180, 60), (200, 50, 40)])

    def some(count):
        labels = np.arange(count, dtype="int32") % 3
        noise = generator.normal(0, 25, (count, 32, 32, 3))
        pixels = np.clip(colours[labels][:, None, None] + noise, 0, 255)
        return Images(pixels.astype("uint8"), labels)

    return data.Dataset(
        "colours", some(36), some(12), some(24), ("blue", "green", "red"), CIFAR_PREPROCESSING
    )
