"""The images that a page offers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ccm_tf.files import PathLike
from tasks import data
from tasks.datasets import any_folder
from tasks.datasets.decode import decoded
from tasks.datasets.source import Images
from tasks.trial.classifier import Classifier


@dataclasses.dataclass(frozen=True)
class Samples:
    """Images and the names of what may be on them.

    Attributes:
        images: Images of the size that the models take.
        classes: Names of the classes, in the order of the models' outputs.
    """

    images: Images
    classes: tuple[str, ...]


def of_folder(folder: PathLike, model: Classifier, classes: Sequence[str], count: int) -> Samples:
    """Some images of a folder, resized; with labels where its folders are named after classes.

    Args:
        folder: Laid out as `tasks.datasets.any_folder` knows.
        model: What the images are for.
        classes: Names of the classes if they are known. Else they are those of the folder if it
            has as many, or numbers.
        count: Most images.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it is laid out in no known way, or a file cannot be read.
    """
    found = any_folder.find(folder).limited(count, seed=0)
    split = found.kind == "split"
    files, numbers = (found.test, found.test_labels) if split else (found.train, found.labels)
    images = decoded(files, model.shape, "reading images")
    if not classes and len(found.classes) == model.classes:
        classes = found.classes
    names = tuple(classes) or tuple(f"class {number}" for number in range(model.classes))
    labels = None
    if found.classes and set(found.classes) <= set(names):
        places = [names.index(name) for name in found.classes]
        labels = np.asarray([places[number] for number in numbers], "int32")
    return Samples(Images(images, labels), names)


def of_dataset(flags: Mapping[str, Any], model: Classifier, data_dir: str, count: int) -> Samples:
    """Some test images of the data set that a run was made with.

    Args:
        flags: The run's flags.
        model: What the images are for.
        data_dir: Where the data set lies, if that has to be said.
        count: Most images.

    Raises:
        ValueError: If the images are not as expected, or not what the model takes.
        FileNotFoundError: If the folder is missing.
    """
    loaded = data.load(flags["dataset"], data_dir or None)
    if loaded.image_shape != model.shape or len(loaded.classes) != model.classes:
        raise ValueError(
            f"'{model.path}' takes images of {model.shape} and tells {model.classes} classes "
            f"apart; the images of {flags['dataset']} are of {loaded.image_shape} and "
            f"{len(loaded.classes)} classes. Pass other ones with --images=DIR."
        )
    return Samples(loaded.sample("test", count), loaded.classes)
