import numpy as np
import pytest

from ccm_tf import distribute
from tasks.imagenet import streams
from tests.tasks.imagenet.conftest import COLOURS

pytestmark = pytest.mark.tensorflow


@pytest.fixture(params=["image_folder", "tfrecords"])
def dataset(request, pictures, shards):
    folder = pictures if request.param == "image_folder" else shards
    return streams.load(request.param, str(folder), 0.0, 0, 32)


def arrays(data):
    return [(x.numpy(), y.numpy()) for x, y in data]


def test_training_batches_are_whole_and_anew_in_every_epoch(dataset):
    batches = dataset.batches("train", 10, seed=1)
    assert len(batches) == 2
    found = arrays(batches.dataset(0, 2))
    assert [x.shape for x, _ in found] == [(10, 32, 32, 3)] * 4
    assert not np.array_equal(found[0][0], found[2][0])
    # A run that goes on after the first epoch sees what it would have seen.
    resumed = arrays(batches.dataset(1, 2))
    for (x, y), (u, v) in zip(found[2:], resumed, strict=True):
        np.testing.assert_array_equal(x, u)
        np.testing.assert_array_equal(y, v)


def test_the_rest_of_an_epoch_and_the_epochs_after_it(dataset):
    batches = dataset.batches("train", 8, seed=1)
    whole = arrays(batches.dataset(1, 3))
    assert len(whole) == 6
    for index, workers in ((0, 1), (1, 2)):
        rest = arrays(batches.dataset(1, 3, index, workers, 8 // workers, done=2))
        assert len(rest) == 4
        for (x, y), (u, v) in zip(rest, whole[2:], strict=True):
            np.testing.assert_array_equal(x, u[index::workers])
            np.testing.assert_array_equal(y, v[index::workers])


def test_workers_share_the_batches_that_one_would_see(dataset):
    batches = dataset.batches("train", 8, seed=1)
    whole = arrays(batches.dataset())
    parts = [arrays(batches.dataset(0, 1, index, 2, 4)) for index in range(2)]
    assert len(whole) == len(parts[0]) == len(parts[1]) == 3
    for place, (x, y) in enumerate(whole):
        for index in range(2):
            np.testing.assert_array_equal(parts[index][place][0], x[index::2])
            np.testing.assert_array_equal(parts[index][place][1], y[index::2])


def test_evaluation_reads_every_image_once(dataset):
    batches = dataset.batches("test", 4)
    assert len(batches) == 3 and len(batches.labels) == 10
    for _ in range(2):
        found = [batches[index] for index in range(3)]
        assert [len(x) for x, _ in found] == [4, 4, 2]
        assert sum((y == 0).sum() for _, y in found) == 5
    with pytest.raises(IndexError, match="in order, from 0 on. Received: index=1"):
        dataset.batches("test", 4)[1]


def test_labels_belong_to_their_images(dataset):
    sample = dataset.sample("train", 9, seed=3)
    assert sample.images.dtype == np.uint8 and sample.images.shape == (9, 32, 32, 3)
    for image, label in zip(sample.images, sample.labels, strict=True):
        nearest = np.abs(image.mean((0, 1)) - np.array(list(COLOURS.values()))).sum(1).argmin()
        assert nearest == label
    again = dataset.sample("train", 9, seed=3)
    np.testing.assert_array_equal(sample.images, again.images)
    x, y = dataset.batches_of(sample, 4)[0]
    assert x.shape == (4, 32, 32, 3) and len(y) == 4


def test_one_device_reads_the_data_set_itself(dataset):
    batches = dataset.batches("train", 8, seed=1)
    assert len(arrays(batches.stream(distribute.Strategy(), 0, 1))) == 3


def test_images_held_back(pictures, shards):
    found = streams.load("image_folder", str(pictures), 0.3, 0, 32)
    assert len(found.train) + len(found.validation) == 24
    assert not set(found.train.files) & set(found.validation.files)
    with pytest.raises(ValueError, match="Pass --validation_split=0"):
        streams.load("tfrecords", str(shards), 0.3, 0, 32)


def test_too_few_images_for_a_batch(dataset):
    with pytest.raises(ValueError, match="24 training images do not fill a batch of 25"):
        dataset.batches("train", 25, seed=0)
