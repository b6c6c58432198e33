import numpy as np
import pytest

from tasks.trial import classifier, samples
from tests.tasks.trial.examples import CLASSES


@pytest.fixture(scope="module")
def model(litert_files):
    return classifier.read(litert_files["dense"])


def test_labels_are_those_of_the_model(model, image_folder):
    found = samples.of_folder(image_folder, model, ["red", "green", "blue"], 100)
    assert len(found.images) == 18 and found.classes == ("red", "green", "blue")
    assert found.images.images.shape[1:] == model.shape
    assert np.bincount(found.images.labels).tolist() == [6, 6, 6]
    # The folders are read in alphabetical order.
    assert found.images.labels.tolist() == 6 * [2] + 6 * [1] + 6 * [0]


def test_names_that_no_file_says(model, image_folder):
    assert samples.of_folder(image_folder, model, (), 5).classes == tuple(CLASSES)
    other = samples.of_folder(image_folder, model, ("a", "b", "c"), 5)
    assert other.classes == ("a", "b", "c") and other.images.labels is None
    plain = samples.of_folder(image_folder / "red", model, (), 4)
    assert plain.classes == ("class 0", "class 1", "class 2") and plain.images.labels is None
    assert len(plain.images) == 4


def test_test_images_are_taken_where_there_are_some(model, images):
    found = samples.of_folder(images, model, CLASSES, 100)
    assert len(found.images) == 24 and set(found.images.labels.tolist()) == {0, 1, 2}


def test_images_of_a_run(model, images):
    flags = {"dataset": "image_folder"}
    with pytest.raises(ValueError, match=r"takes images of \(8, 6, 3\).*are of \(32, 32, 3\)"):
        samples.of_dataset(flags, model, str(images), 5)
    fitting = classifier.dataclasses.replace(model, shape=(32, 32, 3))
    found = samples.of_dataset(flags, fitting, str(images), 5)
    assert len(found.images) == 5 and found.classes == ("blue", "green", "red")
    assert found.images.labels is not None
