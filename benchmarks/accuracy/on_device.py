"""Training images in the device's memory, augmented there: the host sends only what was drawn."""

import keras
import numpy as np
from keras import ops

from tasks.batches import Batches, Preprocessing


@keras.saving.register_keras_serializable(package="ccm_tf_benchmarks")
class DrawnImages(keras.layers.Layer):
    """Turns rows and draws into the images that `Batches` would hold, bit by bit.

    Args:
        shape: Shape (N, H, W, C) of all the images that rows may name.
        pad: Black pixels on each side of an image.
        scale: What a channel's pixels are multiplied by, then
        offset: what is added to them.
    """

    def __init__(self, shape, pad, scale, offset, **kwargs):
        super().__init__(**kwargs)
        self.shape, self.pad = tuple(shape), pad
        self.scale, self.offset = list(scale), list(offset)
        count, height, width, channels = self.shape
        # A weight, because a constant would become a part of the compiled program.
        self.images = self.add_weight(
            shape=(count, height + 2 * pad, width + 2 * pad, channels),
            dtype="uint8",
            trainable=False,
            initializer="zeros",
        )

    @classmethod
    def of(cls, images: np.ndarray, preprocessing: Preprocessing) -> "DrawnImages":
        """A layer that holds some images.

        Args:
            images: uint8 array (N, H, W, C).
            preprocessing: Normalisation and augmentation.
        """
        pad, std = preprocessing.pad, np.asarray(preprocessing.std, "float64")
        scale = (1.0 / (255.0 * std)).astype("float32")
        offset = (-np.asarray(preprocessing.mean) / std).astype("float32")
        layer = cls(images.shape, pad, scale.tolist(), offset.tolist(), name="drawn_images")
        framed = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        layer.images.assign(framed[..., ::-1] if preprocessing.bgr else framed)
        return layer

    def call(self, draws):
        rows, top, left, mirrored = draws
        _, height, width, _ = self.shape
        x = ops.take(self.images, rows, axis=0)
        lines = ops.expand_dims(top, 1) + ops.arange(height)
        x = ops.take_along_axis(x, lines[:, :, None, None], axis=1)
        columns = ops.expand_dims(left, 1) + ops.arange(width)
        x = ops.take_along_axis(x, columns[:, None, :, None], axis=2)
        x = ops.where(ops.cast(mirrored, "bool")[:, None, None, None], ops.flip(x, axis=2), x)
        scale, offset = (np.asarray(x, "float32") for x in (self.scale, self.offset))
        return ops.cast(x, "float32") * scale + offset

    def get_config(self):
        mine = {"shape": self.shape, "pad": self.pad, "scale": self.scale, "offset": self.offset}
        return {**super().get_config(), **mine}


class Draws(keras.utils.PyDataset):
    """What `Batches` draws, without the images: about a thousandth of the bytes.

    Args:
        batches: Shuffled training data. `epoch` is set there.
    """

    def __init__(self, batches: Batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        rows, *chances = self.batches.draw(index)
        inputs = tuple(np.asarray(x, "int32") for x in (rows, *chances))
        return inputs, self.batches.labels[rows]


def with_images(network: keras.Model, batches: Batches) -> keras.Model:
    """A functional model from draws to the network's outputs; it shares the network.

    Args:
        network: Takes normalised images.
        batches: The images, and how they are augmented.
    """
    names = ("row", "top", "left", "mirrored")
    draws = tuple(keras.Input((), dtype="int32", name=name) for name in names)
    images = DrawnImages.of(batches.images, batches.preprocessing)(draws)
    return keras.Model(draws, network(images), name=f"{network.name}_on_device")
