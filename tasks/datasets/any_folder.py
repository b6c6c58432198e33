"""Whatever folder of images somebody has, labelled or not."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from tasks.datasets import image_folder
from tasks.datasets.decode import MODES, decoded, decoded_masks, image_files
from tasks.datasets.source import Images

_LAYOUTS = (
    "DIR/train/<class>/*.jpg with DIR/test/<class>/*.jpg, DIR/<class>/*.jpg, "
    "DIR/images/*.jpg with DIR/masks/*.png, or DIR/*.jpg without labels (also .jpeg, .png)"
)


@dataclasses.dataclass(frozen=True)
class Folder:
    """Which files of a folder are what.

    Attributes:
        kind: "split" (train and test folders), "classes", "masks" or "images".
        train: Image files.
        test: Image files of the "split" kind, else empty.
        labels: Class of each training image, or mask files; empty without labels.
        test_labels: Likewise for test images.
        classes: Names of the classes; empty for masks and without labels.
    """

    kind: str
    train: tuple[pathlib.Path, ...]
    test: tuple[pathlib.Path, ...] = ()
    labels: tuple = ()
    test_labels: tuple = ()
    classes: tuple[str, ...] = ()

    def limited(self, most: int, seed: int) -> "Folder":
        """At most so many training and test images, drawn at random; 0 for all."""
        changes: dict[str, tuple] = {}
        for part, labels in (("train", "labels"), ("test", "test_labels")):
            files, known = getattr(self, part), getattr(self, labels)
            if 0 < most < len(files):
                rows = np.sort(np.random.default_rng(seed).permutation(len(files))[:most])
                changes[part] = tuple(files[i] for i in rows)
                changes[labels] = tuple(known[i] for i in rows) if known else ()
        return dataclasses.replace(self, **changes)


def find(root: str | os.PathLike[str], classes: Sequence[str] = (), labels: bool = True) -> Folder:
    """Looks at a folder without reading images.

    Args:
        root: The folder.
        classes: Class folders in the order of the model's outputs. Defaults to their sorted names.
        labels: `False` takes the images alone. Defaults to `True`.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it is laid out in no known way.
    """
    root = pathlib.Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"'{root}' does not exist. Expected {_LAYOUTS}.")
    folders = {f.name: f for f in sorted(root.iterdir()) if f.is_dir() and f.name[0] != "."}
    if "train" in folders or "test" in folders:
        found = _split(root, classes)
    elif {"images", "masks"} <= set(folders):
        found = _masked(root)
    elif folders:
        files = _ordered(image_folder.listed(root, "."), classes)
        found = Folder("classes", *_flat(files), classes=tuple(files))
    else:
        found = Folder("images", tuple(image_files(root)))
    if not found.train:
        raise ValueError(f"'{root}' holds no images. Expected {_LAYOUTS}.")
    if labels:
        return found
    return Folder("images", found.train)


def read(
    folder: Folder, shape: tuple[int, int, int], to_class: Callable[[np.ndarray], np.ndarray]
) -> tuple[Images, Images | None]:
    """Reads training and test images.

    Args:
        folder: What `find` found.
        shape: Height, width and channels wanted.
        to_class: From the values of masks to numbers of classes, with a check.

    Returns:
        Training images, and test images where the folder says which they are, else `None`.

    Raises:
        ValueError: If a file cannot be read, or there are more images than memory holds.
    """
    _check_memory(len(folder.train) + len(folder.test), shape)
    name = "images" if folder.kind in ("images", "masks") else "training images"
    images = decoded(folder.train, shape, f"reading {name}")
    if folder.kind == "images":
        return Images(images, None), None
    if folder.kind == "masks":
        masks = decoded_masks(folder.labels, shape[:2], "reading masks")
        return Images(images, to_class(masks)), None
    train = Images(images, np.asarray(folder.labels, "int32"))
    if folder.kind == "classes":
        return train, None
    test = decoded(folder.test, shape, "reading test images")
    return train, Images(test, np.asarray(folder.test_labels, "int32"))


def _split(root: pathlib.Path, classes: Sequence[str]) -> Folder:
    train, test = (_ordered(image_folder.listed(root, s), classes) for s in ("train", "test"))
    image_folder.check_same_classes(root, tuple(train), tuple(test))
    (files, labels), (test_files, test_labels) = _flat(train)[::2], _flat(test)[::2]
    return Folder("split", files, test_files, labels, test_labels, tuple(train))


def _flat(files: dict[str, list[pathlib.Path]]) -> tuple[tuple, tuple, tuple]:
    paths = tuple(path for found in files.values() for path in found)
    return paths, (), tuple(image_folder.labels_of(files).tolist())


def _ordered(files: dict[str, list], classes: Sequence[str]) -> dict[str, list]:
    if not classes:
        return files
    if sorted(classes) != sorted(files):
        raise ValueError(
            f"--classes must name every class folder once, in the order of the model's outputs. "
            f"Received: --classes={','.join(classes)} for the folders {', '.join(files)}"
        )
    return {name: files[name] for name in classes}


def _masked(root: pathlib.Path) -> Folder:
    images = image_files(root / "images")
    masks = {path.stem: path for path in image_files(root / "masks")}
    without = [path for path in images if path.stem not in masks]
    if without:
        raise ValueError(
            f"'{without[0]}' has no mask '{root / 'masks' / without[0].stem}.png'. Every image "
            "needs a mask of the same name, whose pixels are the numbers of the classes."
        )
    return Folder("masks", tuple(images), labels=tuple(masks[p.stem] for p in images))


def _check_memory(count: int, shape: tuple[int, int, int]) -> None:
    if shape[2] not in MODES:
        raise ValueError(
            f"The model takes images with {shape[2]} channels; files have 1 (grey), 3 (colours) or "
            "4 (with transparency). Use `ccm_tf.plan` and `ccm_tf.rewrite` in your own code."
        )
    needed = count * shape[0] * shape[1] * shape[2]
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there / 2:
        fitting = int(there / 4 / (needed / count))
        raise ValueError(
            f"{count:,} images of {shape[0]}x{shape[1]} pixels take {needed / 1e9:.1f} GB and this "
            f"machine has {there / 1e9:.1f} GB. Pass --max_images={fitting} to draw some."
        )
