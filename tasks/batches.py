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
        return self.change(images, *self.draw(len(images), generator))

    def change(
        self, images: np.ndarray, top: np.ndarray, left: np.ndarray, mirrored: np.ndarray
    ) -> np.ndarray:
        """Crops and mirrors as drawn.

        Args:
            images: uint8 array (N, H, W, C).
            top: As `draw` returns it, like the next two.
            left: Likewise.
            mirrored: Likewise.

        Returns:
            uint8 array of the same shape.
        """
        images = _crops(images, self.pad, top, left) if self.pad else images.copy()
        images[mirrored] = images[mirrored, :, ::-1]
        return images

    def draw(
        self, count: int, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What chance does to each image of a batch.

        Args:
            count: Number of images.
            generator: Source of the random numbers.

        Returns:
            Three arrays (N,): first row and first column of the crop within the frame, and whether
            the image is mirrored.
        """
        top, left = np.zeros((2, count), np.int64)
        if self.pad:
            top, left = generator.integers(0, 2 * self.pad + 1, size=(2, count))
        mirrored = generator.random(count) < 0.5 if self.flip else np.zeros(count, bool)
        return top, left, mirrored


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
        if self.seed is None:
            rows = self._chosen(index)
            images = self.images[rows]
        else:
            rows, *chances = self.draw(index)
            images = self.preprocessing.change(self.images[rows], *chances)
        inputs = self.preprocessing.normalise(images)
        return (inputs,) if self.labels is None else (inputs, self.labels[rows])

    def draw(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Which images a shuffled batch holds, and what chance does to them.

        Args:
            index: Place of the batch in the epoch.

        Returns:
            Rows of `images`, and what `Preprocessing.draw` returns for them.

        Raises:
            IndexError: If there is no such batch.
            ValueError: If there is no seed.
        """
        chosen, epoch = self._chosen(index), self.epoch
        if self.seed is None:
            raise ValueError("Batches without a seed are neither shuffled nor augmented.")
        rows = self._rows(epoch)[chosen]
        generator = np.random.default_rng((self.seed, epoch, index + 1))
        return rows, *self.preprocessing.draw(len(rows), generator)

    def _chosen(self, index: int) -> slice:
        if not 0 <= index < len(self):
            raise IndexError(f"There are {len(self)} batches. Received: index={index}")
        return slice(index * self.batch_size, (index + 1) * self.batch_size)

    def _rows(self, epoch: int) -> np.ndarray:
        # Prefetching threads call this too, so what is returned is read once.
        order = self._order
        if order is None or order[0] != epoch:
            rows = np.random.default_rng((self.seed, epoch, 0)).permutation(len(self.images))
            self._order = order = (epoch, rows)
        return order[1]


class Rest(keras.utils.PyDataset):
    """What is left of an epoch after some of its batches.

    Args:
        batches: The batches of an epoch.
        done: How many of them come no more.
    """

    def __init__(self, batches: Batches, done: int):
        super().__init__()
        self._batches = batches
        self._done = done

    def __len__(self):
        return len(self._batches) - self._done

    def __getitem__(self, index):
        return self._batches[self._done + index]


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


def _crops(images: np.ndarray, pad: int, top: np.ndarray, left: np.ndarray) -> np.ndarray:
    count, height, width, channels = images.shape
    framed = np.zeros((count, height + 2 * pad, width + 2 * pad, channels), images.dtype)
    framed[:, pad : pad + height, pad : pad + width] = images
    rows = framed.reshape(count, height + 2 * pad, -1)
    # Every crop is a view; picking one per image copies whole rows of pixels.
    views = np.lib.stride_tricks.sliding_window_view(rows, (height, width * channels), axis=(1, 2))
    return views[np.arange(count), top, left * channels].reshape(images.shape)
