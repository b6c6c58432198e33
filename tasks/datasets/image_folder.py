"""Images in folders named after their classes, read with Pillow alone."""

import os
import pathlib

import numpy as np

from tasks.datasets.decode import SUFFIXES, decoded, image_files
from tasks.datasets.source import CIFAR_PREPROCESSING, Images, Source

_SHAPE = (32, 32, 3)


def load(data_dir: str | os.PathLike[str] | None = None) -> Source:
    """Reads `train/<class>/*.jpg|png` and `test/<class>/*.jpg|png` as 32x32 RGB images.

    Images of another size are resized. Files are decoded by several threads and kept in memory.

    Args:
        data_dir: The folder with `train` and `test`.

    Returns:
        A `Source`.

    Raises:
        ValueError: If the folder is not given, empty, holds different classes in `train` and
            `test`, or holds an image that cannot be read (which is named).
        FileNotFoundError: If a folder is missing.
    """
    if not data_dir:
        raise ValueError(
            "--dataset=image_folder needs --data_dir=DIR with DIR/train/<class>/*.jpg and "
            "DIR/test/<class>/*.jpg."
        )
    root = pathlib.Path(data_dir)
    files = {split: listed(root, split) for split in ("train", "test")}
    classes = tuple(files["train"])
    check_same_classes(root, classes, tuple(files["test"]))
    train, test = (_decoded(files[split], f"reading {split} images") for split in files)
    return Source(train, test, classes, CIFAR_PREPROCESSING)


def listed(root: pathlib.Path, split: str) -> dict[str, list[pathlib.Path]]:
    """Class name to its image files, both sorted.

    Args:
        root: The folder that `split` lies in.
        split: "train", "test", or "." for class folders right in `root`.

    Raises:
        ValueError: If there are no class folders, or one is empty.
        FileNotFoundError: If the folder is missing.
    """
    folder = root / split
    if not folder.is_dir():
        there = f"'{root}' does not exist" if not root.is_dir() else f"'{folder}' does not exist"
        raise FileNotFoundError(
            f"{there}. Expected DIR/train/<class>/*.jpg and DIR/test/<class>/*.jpg "
            f"(also .jpeg, .png). Received: data_dir='{root}'"
        )
    files = {
        entry.name: image_files(entry)
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    }
    if not files:
        raise ValueError(
            f"'{folder}' holds no class folders. Expected {split}/<class>/*.jpg or *.png in it."
        )
    empty = [name for name, found in files.items() if not found]
    if empty:
        raise ValueError(
            f"No images in '{folder / empty[0]}'. Expected files ending in "
            f"{', '.join(sorted(SUFFIXES))}. Add some, or remove the folder."
        )
    return files


def check_same_classes(root: pathlib.Path, train: tuple[str, ...], test: tuple[str, ...]) -> None:
    """Raises a `ValueError` that names the classes that only one of the two has."""
    if train == test:
        return
    only = [
        f"only in {split}: {', '.join(sorted(names))}"
        for split, names in (("train", set(train) - set(test)), ("test", set(test) - set(train)))
        if names
    ]
    raise ValueError(
        f"The class folders of '{root}/train' and '{root}/test' differ ({'; '.join(only)}). "
        "Both must hold the same classes."
    )


def _decoded(files: dict[str, list[pathlib.Path]], task: str) -> Images:
    return Images(
        decoded([p for found in files.values() for p in found], _SHAPE, task), labels_of(files)
    )


def labels_of(files: dict[str, list[pathlib.Path]]) -> np.ndarray:
    """The number of its class for each file, in order."""
    counts = [len(found) for found in files.values()]
    return np.repeat(np.arange(len(files)), counts).astype("int32")
