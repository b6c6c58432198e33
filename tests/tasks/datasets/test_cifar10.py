import sys

import numpy as np
import pytest

from tasks.datasets import cifar10


@pytest.mark.tensorflow
def test_reads_both_splits(tmp_path):
    import tensorflow_datasets as tfds

    with tfds.testing.mock_data(num_examples=6):
        source = cifar10.load(tmp_path)
    assert source.train.images.shape == (6, 32, 32, 3) and len(source.test) == 6
    assert source.train.images.dtype == np.uint8 and source.train.labels.dtype == np.int32
    assert len(source.classes) == 10


@pytest.mark.tensorflow
def test_no_network_no_archive(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    def refuse(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", refuse)
    with pytest.raises(RuntimeError, match="no route to host.*cifar-10-binary.tar.gz"):
        cifar10.load(tmp_path)


def test_without_tensorflow_datasets(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match="pip install"):
        cifar10.load()
