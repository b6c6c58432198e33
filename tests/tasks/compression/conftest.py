"""A classifier of colours whose channels come twice, and a segmentation, on disk."""

import keras
import numpy as np
import pytest
from absl import flags as absl_flags
from PIL import Image

from tasks.compression import flags
from tasks.compression.job import CompressionJob

layers = keras.layers


def colours(activation="softmax", units=3, size=32):
    """Tells blue, green and red apart; every channel has a twin, so half of them can go."""
    inputs = keras.Input((size, size, 3), name="image")
    x = layers.Conv2D(6, 1, use_bias=False, name="conv1")(inputs)
    x = layers.ReLU(name="relu1")(layers.BatchNormalization(name="bn1")(x))
    x = layers.ReLU(name="relu2")(layers.Conv2D(6, 1, name="conv2")(x))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(units, activation=activation, name="classes")(x)
    model = keras.Model(inputs, x, name="colours")
    twice = np.concatenate([np.eye(3), 0.5 * np.eye(3)], axis=1)
    model.get_layer("conv1").set_weights([twice[None, None]])
    model.get_layer("conv2").set_weights([(twice.T @ twice)[None, None], np.zeros(6)])
    # Blue, green, red in the order of their names are the channels 2, 1, 0.
    kernel = np.tile(np.eye(3)[:, ::-1], (2, 1)) * 8
    model.get_layer("classes").set_weights([kernel[:, :units], np.zeros(units)])
    return model


def unet():
    """A U-Net with one skip connection, for images of any size."""
    inputs = keras.Input((None, None, 3), name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    down = layers.Conv2D(6, 3, padding="same", activation="relu", name="down")(x)
    x = layers.MaxPooling2D(2, name="pool")(down)
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="bottom")(x)
    x = layers.Conv2DTranspose(4, 2, strides=2, name="rise")(x)
    x = layers.Concatenate(name="skip")([x, down])
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="up")(x)
    x = layers.Conv2D(2, 1, activation="softmax", name="classes")(x)
    return keras.Model(inputs, x, name="unet")


@pytest.fixture
def saved(tmp_path):
    """Function that saves a model and returns its path."""

    def save(model, name="net.keras"):
        model.save(tmp_path / name)
        return str(tmp_path / name)

    return save


@pytest.fixture
def shapes(tmp_path):
    """Eight images with a bright square, and its mask."""
    generator = np.random.default_rng(0)
    for part in ("images", "masks"):
        (tmp_path / "shapes" / part).mkdir(parents=True)
    for i in range(8):
        image = generator.integers(0, 60, (16, 16, 3))
        mask = np.zeros((16, 16), "uint8")
        image[4:10, 3:12] += 180
        mask[4:10, 3:12] = 1
        for part, pixels in (("images", image.astype("uint8")), ("masks", mask)):
            Image.fromarray(pixels).save(tmp_path / "shapes" / part / f"{i}.png")
    return tmp_path / "shapes"


def read(*arguments):
    """Settings from command-line flags."""
    values = absl_flags.FlagValues()
    flags.define(values)
    values(["program", *map(str, arguments)])
    return flags.read(values)


@pytest.fixture
def make(saved, images, tmp_path):
    """Function from a model and further flags to settings of a run on the coloured images."""

    def settings(*further, model=None, data=images, plan=False):
        path = model if isinstance(model, str) else saved(model or colours())
        budget = [] if plan or any("macs" in f for f in further) else ["--macs=0.4"]
        return read(
            f"--model={path}",
            f"--data_dir={data}",
            f"--output_dir={tmp_path / 'out'}",
            *budget,
            *further,
        )

    return settings


@pytest.fixture
def job(make):
    """Function from a model and further flags to a job that has looked at both."""

    def prepared(*further, **options):
        job = CompressionJob(make(*further, **options))
        job.prepare()
        return job

    return prepared
