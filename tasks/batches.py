"""Batches of normalised, augmented images as a pure function of seed and epoch."""

import dataclasses

import keras
import numpy as np


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """How pixels become numbers and what training may change about an image.

    Attributes:
        mean: Mean of each channel on the scale 0 … 1.
        std: Standard deviation of each channel on the scale 0 … 1.
        pad: Black pixels put on each side before a crop of the original size. Defaults to 4.
        flip: Whether an image may be mirrored left to right. Defaults to `True`.
        bgr: Whether the model wants blue, green, red; `mean` and `std` are in that order then.
            Defaults to `False`.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    pad: int = 4
    flip: bool = True
    bgr: bool = False

    def normalise(self, images: np.ndarray) -> np.ndarray:
        """Scales to 0 … 1, subtracts the mean and divides by the standard deviation.

        Args:
            images: uint8 array (N, H, W, C).

        Returns:
            float32 array of the same shape.
        """
        std = np.asarray(self.std, "float64")
        if self.bgr:
            images = images[..., ::-1]
        # One multiplication and one addition; rows as long as possible keep them fast.
        width = images.shape[2]
        scale = np.tile((1.0 / (255.0 * std)).astype("float32"), width)
        offset = np.tile((-np.asarray(self.mean) / std).astype("float32"), width)
        rows = images.reshape(*images.shape[:2], -1).astype("float32")
        rows *= scale
        rows += offset
        return rows.reshape(images.shape)

    def augment(self, images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Crops each image from a black frame at random and mirrors every second one.

        Args:
            images: uint8 array (N, H, W, C).
            generator: Source of the random numbers.

        Returns:
            uint8 array of the same shape.
        """
        count, height, width, channels = images.shape
        if self.pad:
            images = _random_crops(images, self.pad, generator)
        if self.flip:
            mirrored = generator.random(count) < 0.5
            images = images if self.pad else images.copy()
            images[mirrored] = images[mirrored, :, ::-1]
        return images.reshape(count, height, width, channels)


class Batches(keras.utils.PyDataset):
    """Batches of images and labels for `fit`, `evaluate` and `predict`.

    With a seed, batches are shuffled and augmented anew in every epoch, and what a batch holds
    depends on the seed, the epoch and its place alone. So a run that is resumed at an epoch sees
    the very batches that it would have seen. `epoch` says which epoch it is; `EpochSetter` keeps
    it in step with `fit`, which must be told `shuffle=False`, or it changes the order once more.

    Args:
        images: uint8 array (N, H, W, C).
        labels: Integer array (N,), or (N, H, W) for a segmentation; `None` gives batches `(x,)`.
        preprocessing: Normalisation and augmentation.
        batch_size: Images per batch; the last batch may be smaller. Defaults to 128.
        seed: Shuffles and augments; `None` keeps order and images as they are. Defaults to
            `None`.

    Raises:
        ValueError: If there are no images, or the batch size is not positive.

    Example:

    ```python
    data = Batches(images, labels, preprocessing, batch_size=256, seed=0)
    model.fit(data, epochs=10, shuffle=False, callbacks=[EpochSetter(data)])
    ```
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None,
        preprocessing: Preprocessing,
        batch_size: int = 128,
        seed: int | None = None,
    ):
        super().__init__()
        if not len(images):
            raise ValueError("Argument `images` is empty: there is nothing to train or test on.")
        if batch_size < 1:
            raise ValueError(
                f"Argument `batch_size` must be positive. Received: batch_size={batch_size}"
            )
        self.images = images
        self.labels = labels
        self.preprocessing = preprocessing
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        self._order: tuple[int, np.ndarray] | None = None

    def __len__(self):
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"There are {len(self)} batches. Received: index={index}")
        epoch = self.epoch
        chosen = slice(index * self.batch_size, (index + 1) * self.batch_size)
        if self.seed is None:
            rows, images = chosen, self.images[chosen]
        else:
            rows = self._rows(epoch)[chosen]
            generator = np.random.default_rng((self.seed, epoch, index + 1))
            images = self.preprocessing.augment(self.images[rows], generator)
        inputs = self.preprocessing.normalise(images)
        return (inputs,) if self.labels is None else (inputs, self.labels[rows])

    def _rows(self, epoch: int) -> np.ndarray:
        # Prefetching threads call this too, so what is returned is read once.
        order = self._order
        if order is None or order[0] != epoch:
            rows = np.random.default_rng((self.seed, epoch, 0)).permutation(len(self.images))
            self._order = order = (epoch, rows)
        return order[1]


class EpochSetter(keras.callbacks.Callback):
    """Tells `Batches` which epoch `fit` is in, also when it starts at a later one.

    Args:
        batches: The training data of that `fit`.
    """

    def __init__(self, batches: Batches):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch


def _random_crops(images: np.ndarray, pad: int, generator: np.random.Generator) -> np.ndarray:
    count, height, width, channels = images.shape
    framed = np.zeros((count, height + 2 * pad, width + 2 * pad, channels), images.dtype)
    framed[:, pad : pad + height, pad : pad + width] = images
    rows = framed.reshape(count, height + 2 * pad, -1)
    # Every crop is a view; picking one per image copies whole rows of pixels.
    views = np.lib.stride_tricks.sliding_window_view(rows, (height, width * channels), axis=(1, 2))
    top, left = generator.integers(0, 2 * pad + 1, size=(2, count))
    return views[np.arange(count), top, left * channels].reshape(images.shape)
