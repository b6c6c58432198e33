import keras
import numpy as np
import pytest

from ccm_tf.export import export_tflite
from ccm_tf.litert import LiteRTModel, latencies, run_tflite

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def doubling(tmp_path_factory):
    """A file that doubles vectors of 4."""
    inputs = keras.Input((4,), name="x")
    path = tmp_path_factory.mktemp("litert") / "doubling.tflite"
    return export_tflite(keras.Model(inputs, inputs * 2.0), path).path


@pytest.fixture(scope="module")
def difference(tmp_path_factory):
    """A file with the inputs z and a, and the outputs z - a and z."""
    z, a = keras.Input((4,), name="z"), keras.Input((4,), name="a")
    path = tmp_path_factory.mktemp("litert") / "difference.tflite"
    return export_tflite(keras.Model([z, a], [z - a, z * 1.0]), path).path


def test_one_batch(doubling):
    model = LiteRTModel(doubling)
    assert model.bytes == doubling.stat().st_size
    assert model.input_names == ("x",)
    assert model.output_names == ("output_0",)
    assert model.batch_size is None
    for batch in (3, 1, 5, 5):
        values = np.random.default_rng(batch).standard_normal((batch, 4)).astype("float32")
        np.testing.assert_array_equal(model(values), 2 * values)


def test_results_are_not_overwritten_by_the_next_call(doubling):
    model = LiteRTModel(doubling)
    first = model(np.ones((2, 4), "float32"))
    model(np.zeros((2, 4), "float32"))
    np.testing.assert_array_equal(first, 2.0)


def test_several_inputs_and_outputs(difference):
    model = LiteRTModel(difference)
    assert model.input_names == ("a", "z")
    values = {"a": np.full((2, 4), 1.0, "float32"), "z": np.full((2, 4), 5.0, "float32")}
    outputs = model(values)
    assert list(outputs) == ["output_0", "output_1"]
    np.testing.assert_array_equal(outputs["output_0"], 4.0)
    np.testing.assert_array_equal(outputs["output_1"], 5.0)


@pytest.mark.parametrize("samples", [1, 7, 8, 9])
def test_run_tflite_in_batches(doubling, samples):
    values = np.arange(4.0 * samples, dtype="float32").reshape(samples, 4)
    np.testing.assert_array_equal(run_tflite(doubling, values, batch_size=4), 2 * values)


def test_run_tflite_with_several_inputs(difference):
    values = {"z": np.arange(20.0).reshape(5, 4).astype("float32")}
    values["a"] = 2 * values["z"]
    outputs = run_tflite(difference, values, batch_size=2)
    np.testing.assert_array_equal(outputs["output_0"], -values["z"])


def test_inputs_that_do_not_fit(doubling, difference):
    with pytest.raises(ValueError, match=r"Input 'x'.*has shape \(None, 4\)"):
        run_tflite(doubling, np.ones((2, 5), "float32"))
    with pytest.raises(ValueError, match=r"has the inputs \['a', 'z'\]"):
        run_tflite(difference, np.ones((2, 4), "float32"))


def test_integers_become_floats(doubling):
    np.testing.assert_array_equal(run_tflite(doubling, np.full((2, 4), 3, "uint8")), 6.0)


def test_wrong_numbers_of_samples(doubling, difference):
    with pytest.raises(ValueError, match=r"Received: \[0\] samples"):
        run_tflite(doubling, np.ones((0, 4), "float32"))
    with pytest.raises(ValueError, match=r"Received: \[1, 2\] samples"):
        run_tflite(difference, {"z": np.ones((1, 4), "f4"), "a": np.ones((2, 4), "f4")})
    with pytest.raises(ValueError, match="batch_size=0"):
        run_tflite(doubling, np.ones((1, 4), "float32"), batch_size=0)


def test_a_failed_call_does_not_spoil_the_next(tmp_path):
    inputs = keras.Input((None, 3), name="x")
    model = keras.Model(inputs, keras.layers.Conv1D(2, 5)(inputs))
    converted = LiteRTModel(export_tflite(model, tmp_path / "model.tflite").path)
    values = np.ones((1, 9, 3), "float32")
    expected = converted(values)
    with pytest.raises(ValueError, match="cannot run on inputs of shapes"):
        converted(values[:, :2])
    np.testing.assert_array_equal(converted(values), expected)


def test_latency(doubling, difference):
    model = LiteRTModel(doubling)
    assert 0 < model.latency(runs=3, warm_up=0) < 1e4
    assert 0 < model.latency(runs=3, inputs=np.ones((8, 4), "float32")) < 1e4
    times = latencies([doubling, difference, doubling], runs=4, rounds=2)
    assert len(times) == 3 and min(times) > 0
    assert latencies([]) == []


def test_latency_of_open_sizes_needs_inputs(tmp_path):
    inputs = keras.Input((None, 3), name="x")
    model = keras.Model(inputs, keras.layers.Conv1D(2, 5)(inputs))
    converted = LiteRTModel(export_tflite(model, tmp_path / "model.tflite").path)
    with pytest.raises(ValueError, match="open shape.*Pass `inputs`"):
        converted.latency()
    assert converted.latency(runs=1, inputs=np.ones((1, 9, 3), "float32")) > 0


def test_bad_numbers(doubling):
    with pytest.raises(ValueError, match="runs=0"):
        LiteRTModel(doubling).latency(runs=0)
    with pytest.raises(
        ValueError, match="Expected runs >= rounds >= 1. Received: runs=1, rounds=2"
    ):
        latencies([doubling], runs=1, rounds=2)
