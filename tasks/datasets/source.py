"""What every data set hands over."""

import dataclasses

import numpy as np

from tasks.batches import Preprocessing

# Mean and standard deviation of CIFAR-10's channels as the reference runs use them.
CIFAR_PREPROCESSING = Preprocessing(
    mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010), pad=4, flip=True
)


@dataclasses.dataclass(frozen=True)
class Images:
    """Images with labels, or without.

    Attributes:
        images: uint8 array (N, H, W, C).
        labels: int32 array (N,), or (N, H, W) for a segmentation; `None` if there are none.
    """

    images: np.ndarray
    labels: np.ndarray | None

    def __len__(self) -> int:
        return len(self.images)

    def by_class(self) -> list[np.ndarray]:
        """Rows of each class; all of them where images have no class of their own."""
        if self.labels is None or self.labels.ndim > 1:
            return [np.arange(len(self))]
        return [np.flatnonzero(self.labels == label) for label in np.unique(self.labels)]

    def part(self, rows: np.ndarray) -> "Images":
        """Some of them, by number or by mask."""
        return Images(self.images[rows], None if self.labels is None else self.labels[rows])


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set before any image is held back for validation.

    Attributes:
        train: Images to train on.
        test: Images for the final numbers.
        classes: Names of the classes in the order of their labels.
        preprocessing: Normalisation and augmentation that suit these images.
    """

    train: Images
    test: Images
    classes: tuple[str, ...]
    preprocessing: Preprocessing
