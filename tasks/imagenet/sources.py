"""Where the images lie: folders, TFRecord shards, or TensorFlow Datasets."""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tasks.datasets import image_folder


@dataclasses.dataclass(frozen=True)
class Split:
    """The images of one split.

    Attributes:
        files: Image files, or shards of records.
        labels: Class of each image file; `None` for shards.
        count: Number of images.
        parse: From a serialised record to `(encoded image, label)`; `None` for image files.
    """

    files: np.ndarray
    labels: np.ndarray | None
    count: int
    parse: Callable[[Any], Any] | None = None

    def __len__(self) -> int:
        return self.count

    @property
    def images(self) -> np.ndarray:
        """Names instead of pixels: what `tasks.job` tells data sets apart by."""
        return np.array([pathlib.Path(str(name)).name for name in self.files])

    def records(self, order: Any) -> Any:
        """A `tf.data.Dataset` of encoded images and labels, before anything is decoded.

        Args:
            order: Int64 scalar tensor: images in another order for each; negative keeps theirs.
        """
        import tensorflow as tf

        rows = tf.range(len(self.files), dtype="int64")
        mixed = tf.random.experimental.stateless_shuffle(rows, tf.stack([order, order + 1]))
        rows = tf.where(order >= 0, mixed, rows)
        files = tf.constant(self.files)
        if self.parse is None:
            labels = tf.constant(self.labels)
            data = tf.data.Dataset.from_tensor_slices(rows)
            return data.map(lambda row: (files[row], labels[row]))
        shards = tf.data.Dataset.from_tensor_slices(tf.gather(files, rows))
        # Several shards at a time hide how long each of them takes to open.
        return shards.interleave(
            tf.data.TFRecordDataset, cycle_length=min(16, len(self.files)), deterministic=True
        )

    def opened(self, *record: Any) -> tuple[Any, Any]:
        """From an element of `records` to an encoded image and its label."""
        import tensorflow as tf

        if self.parse is None:
            return tf.io.read_file(record[0]), record[1]
        return self.parse(record[0])


@dataclasses.dataclass(frozen=True)
class Source:
    """Training and test images.

    Attributes:
        train: To train on.
        test: For the final numbers.
        classes: Names of the classes in the order of their labels.
    """

    train: Split
    test: Split
    classes: tuple[str, ...]


def from_folder(data_dir: str) -> Source:
    """`DIR/train/<class>/*.jpg` and `DIR/test/<class>/*.jpg`.

    Raises:
        ValueError: If classes differ or a folder is empty.
        FileNotFoundError: If a folder is missing.
    """
    root = pathlib.Path(data_dir)
    found = {split: image_folder.listed(root, split) for split in ("train", "test")}
    classes = tuple(found["train"])
    image_folder.check_same_classes(root, classes, tuple(found["test"]))
    splits = []
    for files in found.values():
        paths = np.array([str(p) for listed in files.values() for p in listed])
        splits.append(Split(paths, image_folder.labels_of(files).astype("int64"), len(paths)))
    return Source(*splits, classes)


def from_tfrecords(data_dir: str) -> Source:
    """`DIR/train-*` and `DIR/validation-*`: shards with `image/encoded` and `image/class/label`.

    As the usual scripts write ImageNet: labels from 1 to the number of classes.

    Raises:
        ValueError: If shards are missing, or the labels do not begin at 1.
    """
    root = pathlib.Path(data_dir)
    splits, largest = [], 0
    for name in ("train", "validation"):
        files = sorted(str(p) for p in root.glob(f"{name}-*") if p.is_file())
        if not files:
            raise ValueError(
                f"'{root}' holds no shards '{name}-*'. Expected TFRecord files such as "
                f"'{name}-00000-of-01024' with 'image/encoded' and 'image/class/label'."
            )
        count, last = _counted(files)
        splits.append(Split(np.array(files), None, count, _parse))
        largest = max(largest, last)
    return Source(*splits, tuple(str(label) for label in range(1, largest + 1)))


def from_tfds(data_dir: str) -> Source:
    """ImageNet (ILSVRC 2012) of TensorFlow Datasets, prepared beforehand.

    Raises:
        ImportError: If TensorFlow Datasets is missing.
        ValueError: If it is not prepared in the folder.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            "--dataset=imagenet2012 needs TensorFlow Datasets: `pip install tensorflow-datasets`. "
            "Or pass --dataset=image_folder or --dataset=tfrecords."
        ) from error
    builder = tfds.builder("imagenet2012", data_dir=data_dir or None)
    if not builder.info.splits:
        raise ValueError(
            f"ImageNet is not prepared in '{builder.data_dir}'. Put ILSVRC2012_img_train.tar and "
            "ILSVRC2012_img_val.tar into its downloads/manual and run `tfds build imagenet2012`, "
            "or pass --dataset=image_folder or --dataset=tfrecords."
        )
    decoders = {"image": tfds.decode.SkipDecoding()}

    def parse(record: Any) -> Any:
        example = builder.info.features.deserialize_example(record, decoders=decoders)
        return example["image"], example["label"]

    splits = []
    for name in ("train", "validation"):
        info = builder.info.splits[name]
        splits.append(Split(np.array(info.filepaths, str), None, info.num_examples, parse))
    return Source(*splits, tuple(builder.info.features["label"].names))


SOURCES: dict[str, Callable[[str], Source]] = {
    "image_folder": from_folder,
    "imagenet2012": from_tfds,
    "tfrecords": from_tfrecords,
}


def _parse(record: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    wanted = {
        "image/encoded": tf.io.FixedLenFeature((), tf.string),
        "image/class/label": tf.io.FixedLenFeature((), tf.int64),
    }
    example = tf.io.parse_single_example(record, wanted)
    return example["image/encoded"], example["image/class/label"] - 1


def _counted(files: list[str]) -> tuple[int, int]:
    """Number of records, and the largest label."""
    import tensorflow as tf

    labels = tf.data.TFRecordDataset(files, num_parallel_reads=tf.data.AUTOTUNE).map(
        lambda record: _parse(record)[1], num_parallel_calls=tf.data.AUTOTUNE
    )
    count, largest, least = labels.reduce(
        (np.int64(0), np.int64(-1), np.int64(2**31)),
        lambda s, label: (s[0] + 1, tf.maximum(s[1], label), tf.minimum(s[2], label)),
    )
    if int(count) == 0 or int(least) < 0:
        raise ValueError(
            f"The shards beside '{files[0]}' hold {int(count)} images with labels from "
            f"{int(least) + 1}. Expected labels from 1 to the number of classes."
        )
    return int(count), int(largest) + 1
