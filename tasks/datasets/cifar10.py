"""CIFAR-10 through TensorFlow Datasets."""

import os

import numpy as np

from tasks.datasets.source import CIFAR_PREPROCESSING, Images, Source


def load(data_dir: str | os.PathLike[str] | None = None) -> Source:
    """Reads CIFAR-10 (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009).

    TensorFlow Datasets downloads it on first use. Without a network, put
    `cifar-10-binary.tar.gz` into `DATA_DIR/downloads/manual`.

    Args:
        data_dir: Folder of TensorFlow Datasets. Defaults to its own, in the home folder.

    Returns:
        A `Source` of 50,000 training and 10,000 test images.

    Raises:
        ImportError: If TensorFlow Datasets is missing.
        RuntimeError: If the images can be neither found nor downloaded.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            "--dataset=cifar10 needs TensorFlow Datasets: `pip install tensorflow "
            "tensorflow-datasets`. Or unpack the images and pass --dataset=image_folder."
        ) from error
    builder = tfds.builder("cifar10", data_dir=os.fspath(data_dir) if data_dir else None)
    try:
        builder.download_and_prepare()
    except Exception as error:
        # Whatever went wrong in there, the ways on are the same.
        raise RuntimeError(
            f"CIFAR-10 is not in '{builder.data_dir}' and could not be downloaded: {error}. Put "
            "cifar-10-binary.tar.gz into the folder downloads/manual beside it, or pass "
            "--dataset=image_folder --data_dir=DIR or --dataset=digits."
        ) from error
    train, test = (
        _images(tfds.as_numpy(builder.as_dataset(split=s, batch_size=1000)))
        for s in ("train", "test")
    )
    return Source(train, test, tuple(builder.info.features["label"].names), CIFAR_PREPROCESSING)


def _images(batches) -> Images:
    parts = list(batches)
    return Images(
        np.concatenate([part["image"] for part in parts]),
        np.concatenate([part["label"] for part in parts]).astype("int32"),
    )
