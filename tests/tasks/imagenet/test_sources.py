import numpy as np
import pytest

from tasks.imagenet.sources import SOURCES, from_folder, from_tfrecords

pytestmark = pytest.mark.tensorflow


def test_folders(pictures):
    source = from_folder(str(pictures))
    assert source.classes == ("green", "red")
    assert (len(source.train), len(source.test)) == (24, 10)
    assert source.train.labels.tolist() == [0] * 12 + [1] * 12
    assert source.train.images[0] == "0.jpg"


def test_records(shards):
    source = from_tfrecords(str(shards))
    assert (len(source.train), len(source.test)) == (24, 10)
    assert source.classes == ("1", "2") and source.train.labels is None


@pytest.mark.parametrize("kind", ["image_folder", "tfrecords"])
def test_orders(kind, pictures, shards):
    split = SOURCES[kind](str(pictures if kind == "image_folder" else shards)).train

    def read(order):
        records = split.records(np.int64(order)).map(split.opened)
        return [(encoded.numpy(), int(label)) for encoded, label in records]

    kept, one, again, two = (read(order) for order in (-1, 3, 3, 4))
    assert one == again
    assert sorted(kept) == sorted(one) == sorted(two)
    assert kept != one != two or kind == "tfrecords"


def test_missing_shards(tmp_path):
    with pytest.raises(ValueError, match="holds no shards 'train-\\*'"):
        from_tfrecords(str(tmp_path))
