"""Image files to arrays, by several threads, with Pillow alone."""

import concurrent.futures
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from tasks import progress

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def image_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The image files of a folder, sorted."""
    return sorted(
        f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith(".")
    )


def decoded(paths: Sequence[pathlib.Path], shape: tuple[int, int, int], task: str) -> np.ndarray:
    """Reads images; those of another size are resized.

    Args:
        paths: The files.
        shape: Height, width and channels (1: grey, 3: RGB, 4: RGBA) wanted.
        task: What is going on, printed first.

    Returns:
        uint8 array (N, H, W, C).

    Raises:
        ValueError: If a file cannot be read; it is named.
    """
    return _read_all(paths, shape, task, lambda path: _image(path, shape))


def decoded_masks(paths: Sequence[pathlib.Path], size: tuple[int, int], task: str) -> np.ndarray:
    """Reads masks, images of one channel whose values are the numbers of classes.

    Args:
        paths: The files.
        size: Height and width wanted; the nearest pixel is taken.
        task: What is going on, printed first.

    Returns:
        int32 array (N, H, W).

    Raises:
        ValueError: If a file cannot be read or has several channels; it is named.
    """
    return _read_all(paths, size, task, lambda path: _mask(path, size)).astype("int32")


def _read_all(
    paths: Sequence[pathlib.Path],
    shape: tuple[int, ...],
    task: str,
    read: Callable[[pathlib.Path], np.ndarray],
) -> np.ndarray:
    images = np.empty((len(paths), *shape), "uint8")
    bar = progress.bar(len(paths), task, unit="image")
    block = max(1, len(paths) // 50)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for first in range(0, len(paths), block):
            chosen = paths[first : first + block]
            for row, image in enumerate(pool.map(read, chosen), start=first):
                images[row] = image
            bar.update(min(first + block, len(paths)))
    return images


def _image(path: pathlib.Path, shape: tuple[int, int, int]) -> np.ndarray:
    from PIL import Image

    image = _opened(path, lambda image: image.convert(MODES[shape[2]]))
    if image.size != (shape[1], shape[0]):
        image = image.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(image).reshape(shape)


def _mask(path: pathlib.Path, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    image = _opened(path, lambda image: image.copy())
    if image.mode == "1":
        image = image.convert("L")
    if image.mode not in ("L", "P"):
        raise ValueError(
            f"The mask '{path}' has the mode {image.mode}. Expected 8 bits in one channel, whose "
            "values are the numbers of the classes."
        )
    if image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.NEAREST)
    return np.asarray(image)


def _opened(path: pathlib.Path, convert: Callable):
    from PIL import Image

    try:
        with Image.open(path) as image:
            return convert(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"Cannot read the image '{path}': {error}. Replace or remove the file."
        ) from error
