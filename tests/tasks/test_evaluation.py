import keras
import numpy as np
import pytest

import ccm_tf
from tasks.batches import Batches, Preprocessing
from tasks.evaluation import accuracy, correct, keras_latencies, tflite_accuracy
from tasks.outputs import Outputs


def test_correct_counts_the_largest():
    logits = np.array([[0.1, 3.0], [2.0, -1.0], [0.0, 0.5], [9.0, 8.0]])
    assert correct(logits, np.array([1, 0, 0, 0]), Outputs((2,), None)) == 0.75


@pytest.mark.tensorflow
def test_a_file_is_as_accurate_as_its_model(tmp_path):
    model, batches = bright_or_dark()
    file = ccm_tf.export_tflite(model, tmp_path / "model.tflite").path
    assert tflite_accuracy(file, batches, Outputs((2,), None)) == 6 / 7
    unlabelled = Batches(batches.images, None, batches.preprocessing)
    assert tflite_accuracy(file, unlabelled, Outputs((2,), None)) is None


def test_accuracy_over_uneven_batches():
    model, batches = bright_or_dark()
    assert accuracy(model, batches) == 6 / 7
    assert not model.compiled


def bright_or_dark():
    """A "model" that says 1 for bright images and 0 for dark ones, and seven images."""
    model = keras.Sequential(
        [keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(2, use_bias=False)]
    )
    model.set_weights([np.array([[-1, 1]] * 4, "float32")])
    images = np.repeat(np.array([0, 255, 0, 255, 255, 0, 0], "uint8"), 4).reshape(7, 2, 2, 1)
    labels = np.array([0, 1, 0, 1, 1, 0, 1])
    return model, Batches(images, labels, Preprocessing((0.5,), (0.5,)), batch_size=3)


def test_latencies_take_turns(monkeypatch):
    calls = []

    class Model:
        input_shape = (None, 4, 4, 3)

        def __init__(self, name):
            self.name = name

        def predict_on_batch(self, image):
            assert image.shape == (1, 4, 4, 3)
            calls.append(self.name)

    times = keras_latencies([Model("a"), Model("b")], runs=3)
    assert calls == ["a", "b"] * 4
    assert len(times) == 2 and all(t >= 0 for t in times)
