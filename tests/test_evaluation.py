import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.export import ExportOptions, export_tflite

pytestmark = pytest.mark.tensorflow

# The files return their inputs, so scores can be chosen freely.
SCORES = np.array([[0.1, 0.9, 0], [2, 1, 0], [0, 0, 3], [5, 6, 0], [1, 0, 0]], "float32")
LABELS = np.array([1, 0, 2, 0, 0])


def identity(folder, shape, name="x", batch_size=None):
    inputs = keras.Input(shape, name=name)
    options = ExportOptions(batch_size=batch_size)
    model = keras.Model(inputs, inputs * 1.0)
    return export_tflite(model, folder / f"{name}.tflite", options=options).path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return identity(tmp_path_factory.mktemp("evaluation"), (3,))


def test_arrays_one_hot_and_batches(file):
    expected = {"accuracy": 0.8, "samples": 5, "bytes": file.stat().st_size}
    assert ccm_tf.evaluate_tflite(file, (SCORES, LABELS)) == expected
    assert ccm_tf.evaluate_tflite(str(file), (SCORES, LABELS), batch_size=2) == expected
    assert ccm_tf.evaluate_tflite(file, (SCORES, np.eye(3)[LABELS])) == expected
    assert ccm_tf.evaluate_tflite(file, (SCORES, LABELS[:, None])) == expected
    parts = [(SCORES[:4], LABELS[:4]), (SCORES[4:], LABELS[4:])]
    assert ccm_tf.evaluate_tflite(file, parts) == expected


def test_a_dataset(file):
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices((SCORES, LABELS)).batch(3)
    assert ccm_tf.evaluate_tflite(file, data)["accuracy"] == 0.8


def test_another_decision(file):
    found = ccm_tf.evaluate_tflite(file, (SCORES, LABELS), decide=lambda s: s.argmin(-1))
    assert found["accuracy"] == 0.0


def test_a_fixed_batch_size_does_not_lose_samples(tmp_path):
    fixed = identity(tmp_path, (3,), "fixed", batch_size=2)
    assert ccm_tf.evaluate_tflite(fixed, (SCORES, LABELS)) == {
        "accuracy": 0.8,
        "samples": 5,
        "bytes": fixed.stat().st_size,
    }


def test_a_single_output_and_positions(tmp_path):
    one = identity(tmp_path, (1,), "one")
    values, labels = np.array([[0.2], [0.7], [0.9]], "float32"), np.array([0, 1, 0])
    assert ccm_tf.evaluate_tflite(one, (values, labels))["accuracy"] == pytest.approx(2 / 3)
    every = identity(tmp_path, (2, 3), "every")
    maps, truth = SCORES[:4].reshape(2, 2, 3), LABELS[:4].reshape(2, 2)
    found = ccm_tf.evaluate_tflite(every, (maps, truth))
    assert (found["accuracy"], found["samples"]) == (0.75, 2)


def test_what_does_not_fit(file, tmp_path):
    with pytest.raises(ValueError, match="Labels are needed here"):
        ccm_tf.evaluate_tflite(file, SCORES)
    with pytest.raises(ValueError, match=r"Labels of shape \(5, 2\) do not fit.*of shape \(5, 3\)"):
        ccm_tf.evaluate_tflite(file, (SCORES, np.zeros((5, 2))))
    inputs = keras.Input((2,))
    two = export_tflite(keras.Model(inputs, [inputs * 1.0, inputs * 2.0]), tmp_path / "two.tflite")
    with pytest.raises(ValueError, match=r"has the outputs \['output_0', 'output_1'\]"):
        ccm_tf.evaluate_tflite(two.path, (SCORES[:, :2], LABELS))
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(file.read_bytes()[:300])
    with pytest.raises(ValueError, match="cannot be run as a LiteRT model"):
        ccm_tf.evaluate_tflite(broken, (SCORES, LABELS))
    with pytest.raises(FileNotFoundError):
        ccm_tf.evaluate_tflite(tmp_path / "none.tflite", (SCORES, LABELS))
