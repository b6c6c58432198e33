"""Training images in the device's memory, augmented there: the host sends only what was drawn."""

import functools
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from tasks.batches import Batches


class DeviceBatches(keras.utils.PyDataset):
    """What `Batches` holds, made on the device from draws: about a thousandth of the bytes.

    Args:
        batches: Shuffled training data. `epoch` is set there.
    """

    def __init__(self, batches: Batches):
        super().__init__()
        self.batches = batches
        kept = batches.preprocessing
        framed = np.pad(
            batches.images, ((0, 0), (kept.pad, kept.pad), (kept.pad, kept.pad), (0, 0))
        )
        self._images = ops.convert_to_tensor(framed[..., ::-1] if kept.bgr else framed)
        std = np.asarray(kept.std, "float64")
        self._cut = _compiled(
            functools.partial(
                _cut,
                size=batches.images.shape[1:3],
                scale=(1.0 / (255.0 * std)).astype("float32"),
                offset=(-np.asarray(kept.mean) / std).astype("float32"),
            )
        )

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        rows, *chances = self.batches.draw(index)
        draws = (np.asarray(x, "int32") for x in (rows, *chances))
        return self._cut(self._images, *draws), self.batches.labels[rows]


def _cut(images, rows, top, left, mirrored, size, scale, offset):
    """Pieces of images, mirrored or not, normalised."""
    x = ops.take(images, rows, axis=0)
    lines = ops.expand_dims(top, 1) + ops.arange(size[0])
    x = ops.take_along_axis(x, lines[:, :, None, None], axis=1)
    columns = ops.expand_dims(left, 1) + ops.arange(size[1])
    x = ops.take_along_axis(x, columns[:, None, :, None], axis=2)
    x = ops.where(ops.cast(mirrored, "bool")[:, None, None, None], ops.flip(x, axis=2), x)
    return ops.cast(x, "float32") * scale + offset


def _compiled(function: Callable) -> Callable:
    """One program instead of a dozen on JAX, for which all of this is made."""
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function)
