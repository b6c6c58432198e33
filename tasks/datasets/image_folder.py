"""Images in folders named after their classes, read with Pillow alone."""

import concurrent.futures
import os
import pathlib

import numpy as np

from tasks import progress
from tasks.datasets.source import CIFAR_PREPROCESSING, Images, Source

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
_SIDE = 32


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
    files = {split: _listed(root, split) for split in ("train", "test")}
    classes = tuple(files["train"])
    _check_same_classes(root, classes, tuple(files["test"]))
    train, test = (_decoded(files[split], f"reading {split} images") for split in files)
    return Source(train, test, classes, CIFAR_PREPROCESSING)


def _listed(root: pathlib.Path, split: str) -> dict[str, list[pathlib.Path]]:
    """Class name to its image files, both sorted."""
    folder = root / split
    if not folder.is_dir():
        there = f"'{root}' does not exist" if not root.is_dir() else f"'{folder}' does not exist"
        raise FileNotFoundError(
            f"{there}. Expected DIR/train/<class>/*.jpg and DIR/test/<class>/*.jpg "
            f"(also .jpeg, .png). Received: data_dir='{root}'"
        )
    files = {
        entry.name: sorted(f for f in entry.iterdir() if f.suffix.lower() in SUFFIXES)
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


def _check_same_classes(root: pathlib.Path, train: tuple[str, ...], test: tuple[str, ...]) -> None:
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
    paths = [path for found in files.values() for path in found]
    labels = np.repeat(np.arange(len(files)), [len(found) for found in files.values()])
    images = np.empty((len(paths), _SIDE, _SIDE, 3), "uint8")
    bar = progress.bar(len(paths), task, unit="image")
    block = max(1, len(paths) // 50)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for first in range(0, len(paths), block):
            chosen = paths[first : first + block]
            for row, image in enumerate(pool.map(_read, chosen), start=first):
                images[row] = image
            bar.update(min(first + block, len(paths)))
    return Images(images, labels.astype("int32"))


def _read(path: pathlib.Path) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as image:
            rgb = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"Cannot read the image '{path}': {error}. Replace or remove the file."
        ) from error
    if rgb.size != (_SIDE, _SIDE):
        rgb = rgb.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    return np.asarray(rgb)
