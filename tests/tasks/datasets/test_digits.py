import numpy as np
import pytest

from tasks.datasets import digits


def test_every_digit_once_and_a_balanced_test_set():
    source = digits.load()
    assert len(source.train) + len(source.test) == 1797
    counts = np.bincount(source.test.labels)
    assert counts.min() >= 34 and counts.max() <= 37
    rows = {image.tobytes() for image in source.train.images}
    assert len(rows & {image.tobytes() for image in source.test.images}) <= 1


def test_images_fit_the_networks():
    source = digits.load()
    assert source.train.images.shape[1:] == (32, 32, 3)
    assert source.train.images.dtype == np.uint8 and source.train.images.max() == 255
    assert not source.preprocessing.flip
    x = source.preprocessing.normalise(source.train.images)
    assert abs(x.mean()) < 1e-4 and abs(x.std() - 1) < 1e-4


def test_same_split_every_time():
    np.testing.assert_array_equal(digits.load().test.images, digits.load().test.images)


def test_refuses_a_folder():
    with pytest.raises(ValueError, match="Leave out --data_dir"):
        digits.load("somewhere")
