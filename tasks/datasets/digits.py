"""Handwritten digits that come with scikit-learn: real images, no download."""

import os

import numpy as np

from tasks.batches import Preprocessing
from tasks.datasets.source import Images, Source

_SIDE = 32
_TEST_SHARE = 0.2


def load(data_dir: str | os.PathLike[str] | None = None) -> Source:
    """Reads scikit-learn's 1,797 digits, enlarged from 8x8 to 32x32 pixels with three channels.

    Every fifth image of a class, by a fixed draw, is a test image: 360 in all. Digits are not
    mirrored in training.

    Args:
        data_dir: Must be `None`: the images come with scikit-learn.

    Returns:
        A `Source`.

    Raises:
        ValueError: If a folder is given.
        ImportError: If scikit-learn or Pillow is missing.
    """
    if data_dir:
        raise ValueError(
            "The digits come with scikit-learn and need no folder. Leave out --data_dir, or pass "
            f"--dataset=image_folder. Received: data_dir={str(data_dir)!r}"
        )
    from sklearn import datasets

    raw = datasets.load_digits()
    images = np.stack([_enlarged(image) for image in raw.images])
    labels = raw.target.astype("int32")
    generator = np.random.default_rng(0)
    test = np.zeros(len(labels), bool)
    for label in range(10):
        rows = np.flatnonzero(labels == label)
        test[generator.permutation(rows)[: round(_TEST_SHARE * len(rows))]] = True
    mean, std = (images[~test] / 255.0).mean(), (images[~test] / 255.0).std()
    return Source(
        Images(images[~test], labels[~test]),
        Images(images[test], labels[test]),
        tuple(str(label) for label in range(10)),
        Preprocessing((float(mean),) * 3, (float(std),) * 3, pad=4, flip=False),
    )


def _enlarged(image: np.ndarray) -> np.ndarray:
    from PIL import Image

    grey = Image.fromarray(np.round(image * 255.0 / 16.0).astype("uint8"))
    large = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))
    return np.repeat(large[..., None], 3, axis=-1)
