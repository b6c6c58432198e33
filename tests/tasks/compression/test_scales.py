import keras
import numpy as np
import pytest

from tasks.compression import scales
from tasks.datasets.source import Images
from tests.tasks.compression.conftest import colours


def threshold(at):
    """Says 1 for images brighter than a value of its input."""
    inputs = keras.Input((2, 2, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))
    model.set_weights([np.full((3, 1), 20.0), np.array([-60.0 * at])])
    return model


# Dark and bright images, so many that classes can be told from chance.
VALUES = np.array([60, 90, 160, 220] * 10, "uint8")
IMAGES = Images(
    np.broadcast_to(VALUES[:, None, None, None], (40, 2, 2, 3)), (VALUES > 127).astype("int32")
)


@pytest.mark.parametrize(("at", "best"), [(0.5, "unit"), (0.0, "symmetric"), (127.0, "pixels")])
def test_the_right_scale_has_the_best_accuracy(at, best):
    fitting = {n: scales.preprocessing_of(n, 3) for n in ("unit", "symmetric", "pixels")}
    trials = scales.tried(threshold(at), IMAGES, fitting, 16)
    assert [name for name, trial in trials.items() if trial.accuracy == 1.0] == [best]


def test_the_least_surprised_of_equals_is_the_best():
    trials = {
        "unit": scales.Trial(0.97, 0.1, None, ()),
        "pixels": scales.Trial(0.98, 3.0, None, ()),
        "caffe": scales.Trial(0.5, 0.05, None, ()),
    }
    assert scales.best_of(trials) == "unit"
    trials["pixels"] = scales.Trial(1.0, 0.01, None, ())
    assert scales.best_of(trials) == "unit"
    trials["pixels"] = scales.Trial(1.0, 0.01, None, ())
    trials["unit"] = scales.Trial(0.97, 0.6, None, ())
    assert scales.best_of(trials) == "pixels"


def test_numbers_that_go_in():
    image = np.array([[[[255, 0, 51]]]], "uint8")

    def numbers(name):
        return scales.preprocessing_of(name, 3).normalise(image).ravel()

    np.testing.assert_allclose(numbers("unit"), [1, 0, 0.2], atol=1e-6)
    np.testing.assert_allclose(numbers("symmetric"), [1, -1, -0.6], atol=1e-6)
    np.testing.assert_allclose(numbers("pixels"), [255, 0, 51], atol=1e-4)
    # As keras.applications.vgg16.preprocess_input: blue first, without ImageNet's mean.
    np.testing.assert_allclose(numbers("caffe"), [51 - 103.939, -116.779, 255 - 123.68], atol=1e-4)
    expected = keras.applications.vgg16.preprocess_input(image.astype("float32"))
    np.testing.assert_allclose(numbers("caffe"), expected.ravel(), atol=1e-4)


def test_grey_images():
    assert scales.preprocessing_of("symmetric", 1).mean == (0.5,)
    with pytest.raises(ValueError, match="--scale=imagenet is for images with 3 channels"):
        scales.preprocessing_of("imagenet", 1)


def test_models_that_scale_themselves():
    inputs = keras.Input((2, 2, 3))
    assert scales.scaled_inside(keras.Model(inputs, keras.layers.Rescaling(1 / 255)(inputs)))
    assert not scales.scaled_inside(colours())


def test_another_order_of_the_classes_is_found():
    swapped = Images(IMAGES.images, 1 - IMAGES.labels)
    fitting = {"unit": scales.preprocessing_of("unit", 3)}
    trial = scales.tried(threshold(0.5), swapped, fitting, 16)["unit"]
    assert (trial.accuracy, trial.matched, trial.names) == (0.0, 1.0, (1, 0))
    few = swapped.part(np.arange(10))
    assert scales.tried(threshold(0.5), few, fitting, 16)["unit"].matched is None


def test_guessing():
    assert scales.guessing(np.repeat([0, 1], [75, 25])) == pytest.approx(
        0.75 + 3 * 0.0433, abs=1e-3
    )
