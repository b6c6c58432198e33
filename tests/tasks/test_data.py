import numpy as np
import pytest

from tasks import data


def test_validation_is_held_back_from_training_class_by_class():
    whole = data.load("digits")
    split = data.load("digits", validation_split=0.1, seed=1)
    assert whole.validation is None
    assert len(split.train) + len(split.validation) == len(whole.train)
    np.testing.assert_array_equal(split.test.images, whole.test.images)
    share = np.bincount(split.validation.labels) / np.bincount(whole.train.labels)
    np.testing.assert_allclose(share, 0.1, atol=0.005)
    rows = {image.tobytes() for image in split.train.images}
    assert not rows & {image.tobytes() for image in split.validation.images}


def test_validation_depends_on_the_seed():
    first, again, other = (
        data.load("digits", validation_split=0.1, seed=seed).validation.images for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_batches_of_a_split():
    dataset = data.load("digits")
    x, y = dataset.batches("test", 32)[0]
    assert x.shape == (32, *dataset.image_shape) and x.dtype == np.float32
    np.testing.assert_array_equal(y, dataset.test.labels[:32])


def test_sample_is_random_and_repeatable():
    dataset = data.load("digits")
    first, again, other = (dataset.sample("train", 50, seed) for seed in (0, 0, 1))
    assert len(first) == 50 and len(set(first.labels)) == 10
    np.testing.assert_array_equal(first.images, again.images)
    assert not np.array_equal(first.images, other.images)
    assert len(dataset.sample("train", 10**6)) == len(dataset.train)


@pytest.mark.parametrize(
    "call,message",
    [
        (lambda: data.load("mnist"), r"one of \['cifar10', 'digits', 'image_folder'\].*'mnist'"),
        (lambda: data.load("digits", validation_split=1.0), r"must be in \[0, 1\)"),
        (lambda: data.load("digits", validation_split=1e-9), "leaves one part empty"),
        (lambda: data.load("digits").batches("validation"), "if images were held back"),
        (lambda: data.load("digits").batches("images"), "Received: split='images'"),
    ],
)
def test_refuses_what_is_not_there(call, message):
    with pytest.raises(ValueError, match=message):
        call()
