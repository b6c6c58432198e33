import keras
import numpy as np
import pytest

from ccm_tf.conversion.agreement import agreement


class File:
    """Stands for a LiteRT file: a function of the inputs."""

    output_names = ("output_0",)

    def __init__(self, function):
        self.function = function

    def __call__(self, inputs):
        return self.function(inputs["x"])


@pytest.fixture
def model():
    inputs = keras.Input((2,), name="x")
    return keras.Model(inputs, inputs * 2.0)


BATCHES = [{"x": np.array([[1.0, 3.0]], "f4")}, {"x": np.array([[2.0, 0.0], [4.0, 5.0]], "f4")}]


def test_equal(model):
    found = agreement(model, File(lambda x: 2 * x), BATCHES)
    assert (found.samples, found.max_difference, found.rms_difference) == (3, 0, 0)
    assert found.same_decision == 1


def test_differences_by_hand(model):
    found = agreement(model, File(lambda x: 2 * x + [[1, 0]]), BATCHES)
    assert found.max_difference == pytest.approx(1 / 10)
    assert found.rms_difference == pytest.approx(np.sqrt(3) / np.sqrt(4 * 55))
    assert found.same_decision == 1
    assert agreement(model, File(lambda x: -x), BATCHES).same_decision == 0


def test_dicts_are_compared_by_name_whatever_their_order():
    inputs = keras.Input((2,), name="x")
    model = keras.Model(inputs, {"a10": inputs * 1.0, "a2": inputs * 2.0})
    file = File(lambda x: {"a2": 2 * x, "a10": x})
    assert agreement(model, file, BATCHES).max_difference == 0


def test_nan_and_wrong_shapes_do_not_agree(model):
    assert np.isnan(agreement(model, File(lambda x: x * np.nan), BATCHES).max_difference)
    assert agreement(model, File(lambda x: x[:1, :1]), BATCHES).rms_difference == np.inf


def test_model_that_returns_nan(model):
    with pytest.raises(ValueError, match="returns NaN or infinity on these inputs"):
        agreement(model, File(lambda x: x), [{"x": np.full((1, 2), np.nan, "f4")}])
