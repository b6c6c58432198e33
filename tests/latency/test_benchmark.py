import keras
import pytest

import ccm_tf

pytestmark = pytest.mark.tensorflow
layers = keras.layers


def model(width=4, size=8, name="net"):
    inputs = keras.Input((size, size, 3))
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, name="first")(inputs)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="norm")(x))
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, layers.Dense(2, name="logits")(x), name=name)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return ccm_tf.export_tflite(model(), tmp_path_factory.mktemp("b") / "small.tflite").path


def test_a_model_runs_in_both_runtimes_and_against_files(file):
    found = ccm_tf.benchmark_latency(model(), runs=4, against=[file, model(name="other")])
    assert [(row.name, row.runtime) for row in found.rows] == [
        ("net", "LiteRT, 1 thread"),
        ("net", "Keras, tensorflow"),
        ("small.tflite", "LiteRT, 1 thread"),
        ("other", "LiteRT, 1 thread"),
        ("other", "Keras, tensorflow"),
    ]
    assert all(row.runs == 4 and row.min_ms > 0 for row in found.rows)
    assert [row.processor_ms is None for row in found.rows] == [False, True, False, False, True]
    values = found.as_dict()
    assert values["rows"][0]["times_first"] == 1.0 and values["threads"] == 1
    assert str(found).splitlines()[0].split()[:2] == ["model", "runtime"]


@pytest.mark.parametrize("quantize", [None, "int8"])
def test_every_operator_by_itself(quantize, tmp_path):
    import numpy as np

    path = tmp_path / "model.tflite"
    data = np.random.default_rng(0).standard_normal((4, 8, 8, 3))
    ccm_tf.export_tflite(model(), path, quantize=quantize, calibration=data)
    found = ccm_tf.benchmark_latency(path, runs=1, layers=True)
    kinds = [layer.kind for layer in found.layers]
    body = [kind for kind in kinds if "QUANTIZE" not in kind and kind != "RESHAPE"]
    assert body == ["CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED"]
    assert all(layer.milliseconds > 0 for layer in found.layers)
    assert found.layers[kinds.index("MAX_POOL_2D")].output_shape == (1, 4, 4, 4)
    assert "operator" in str(found)


def test_bad_input(file, tmp_path):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(file.read_bytes()[:400])
    with pytest.raises(ValueError, match="'.*broken.tflite' cannot be run as a LiteRT model"):
        ccm_tf.benchmark_latency(file, against=broken)
    broken.write_bytes(b"")
    with pytest.raises(ValueError, match="'.*broken.tflite' cannot be run as a LiteRT model"):
        ccm_tf.benchmark_latency(broken)
    with pytest.raises(FileNotFoundError, match="no such LiteRT file"):
        ccm_tf.benchmark_latency(tmp_path / "none.tflite")
    with pytest.raises(ValueError, match="Received: threads=0, runs=50"):
        ccm_tf.benchmark_latency(file, threads=0)
    inputs = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match="leaves sizes of its inputs open"):
        ccm_tf.benchmark_latency(keras.Model(inputs, layers.Conv2D(1, 1)(inputs)))
