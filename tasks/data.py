"""Labelled images in memory, split into training, validation and test set."""

import dataclasses
import os
from collections.abc import Callable

import numpy as np

from tasks.batches import Batches, Preprocessing
from tasks.datasets import cifar10, digits, image_folder
from tasks.datasets.source import Images, Source

DATASETS: dict[str, Callable[[str | os.PathLike[str] | None], Source]] = {
    "digits": digits.load,
    "cifar10": cifar10.load,
    "image_folder": image_folder.load,
}


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Images with labels, and how to preprocess them.

    Attributes:
        name: Name of the data set.
        train: Images to train on.
        validation: Images held back from the training set for choices; `None` if there are none.
        test: Images for the final numbers. They choose nothing.
        classes: Names of the classes in the order of their labels.
        preprocessing: Normalisation and augmentation.
    """

    name: str
    train: Images
    validation: Images | None
    test: Images
    classes: tuple[str, ...]
    preprocessing: Preprocessing

    @property
    def labelled(self) -> bool:
        """Whether there are labels."""
        return self.train.labels is not None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        return self.train.images.shape[1:]

    def batches(self, split: str, batch_size: int = 128, seed: int | None = None) -> Batches:
        """Normalised batches of one split.

        Args:
            split: "train", "validation" or "test".
            batch_size: Images per batch. Defaults to 128.
            seed: Shuffles and augments; `None` does neither. Defaults to `None`.

        Raises:
            ValueError: If there is no such split.
        """
        return self.batches_of(self._split(split), batch_size, seed)

    def batches_of(self, part: Images, batch_size: int = 128, seed: int | None = None) -> Batches:
        """Normalised batches of any images; arguments as for `batches`."""
        return Batches(part.images, part.labels, self.preprocessing, batch_size, seed)

    def sample(self, split: str, count: int, seed: int = 0) -> Images:
        """A random part of one split, the same for the same seed.

        Args:
            split: "train", "validation" or "test".
            count: Number of images; all of them if there are fewer.
            seed: Which part. Defaults to 0.

        Returns:
            `Images`, in random order.
        """
        part = self._split(split)
        rows = np.random.default_rng(seed).permutation(len(part.images))[:count]
        return part.part(rows)

    def _split(self, split: str) -> Images:
        part = getattr(self, split) if split in ("train", "validation", "test") else None
        if part is None:
            raise ValueError(
                "Argument `split` must be 'train', 'test' or, if images were held back for it, "
                f"'validation'. Received: split={split!r}"
            )
        return part


def load(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    validation_split: float = 0.0,
    seed: int = 0,
) -> Dataset:
    """Reads a data set into memory.

    Args:
        name: "digits" (scikit-learn's handwritten digits, needs no file), "cifar10" (from
            TensorFlow Datasets) or "image_folder" (`train/<class>/*.jpg`, `test/<class>/*.jpg`).
        data_dir: Folder with the images, or of TensorFlow Datasets. Defaults to `None`.
        validation_split: Share of every class's training images to hold back for choices, in
            [0, 1). Defaults to 0.
        seed: Which images are held back. Defaults to 0.

    Returns:
        A `Dataset` of uint8 images.

    Raises:
        ValueError: If the name is unknown, or the data are not as expected.
        FileNotFoundError: If the folder is missing.

    Example:

    ```python
    dataset = load("digits", validation_split=0.1)
    model.fit(dataset.batches("train", 64, seed=0), validation_data=dataset.batches("validation"))
    ```
    """
    if name not in DATASETS:
        raise ValueError(
            f"Unknown data set. Expected one of {sorted(DATASETS)}. Received: name={name!r}"
        )
    if not 0 <= validation_split < 1:
        raise ValueError(
            "Argument `validation_split` must be in [0, 1). "
            f"Received: validation_split={validation_split}"
        )
    source = DATASETS[name](data_dir)
    train, validation = held_back(source.train, validation_split, seed)
    return Dataset(name, train, validation, source.test, source.classes, source.preprocessing)


def held_back(images: Images, share: float, seed: int) -> tuple[Images, Images | None]:
    """Splits every class in the same proportion, and keeps the order within both parts.

    Args:
        images: What to split.
        share: Share of every class for the second part; 0 makes none.
        seed: Which images.

    Raises:
        ValueError: If one part would be empty.
    """
    if share == 0:
        return images, None
    generator = np.random.default_rng(seed)
    chosen = np.zeros(len(images), bool)
    for rows in images.by_class():
        chosen[generator.permutation(rows)[: round(share * len(rows))]] = True
    if not chosen.any() or chosen.all():
        raise ValueError(
            f"A validation split of {share} of {len(chosen)} training images leaves one part "
            "empty. Take another share, or 0 for none."
        )
    return images.part(~chosen), images.part(chosen)
