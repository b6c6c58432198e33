import sys

import keras
import pytest

from ccm_tf.export import export_tflite
from ccm_tf.litert_file import open_interpreter, signature


def test_not_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such LiteRT file.*none.tflite"):
        open_interpreter(tmp_path / "none.tflite")
    with pytest.raises(FileNotFoundError, match="no such LiteRT file"):
        open_interpreter(tmp_path)


def test_not_a_model(tmp_path):
    pytest.importorskip("ai_edge_litert")
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"not a model at all, but long enough to be read as one")
    with pytest.raises(ValueError, match="broken.tflite' cannot be run as a LiteRT model"):
        open_interpreter(broken)


def test_no_threads(tmp_path):
    with pytest.raises(ValueError, match="Received: threads=0"):
        open_interpreter(tmp_path / "model.tflite", threads=0)


def test_without_the_package(tmp_path, monkeypatch):
    (tmp_path / "model.tflite").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ImportError, match=r"pip install 'ccm-tf\[litert\]'"):
        open_interpreter(tmp_path / "model.tflite")


@pytest.mark.tensorflow
def test_signature(tmp_path):
    z, a = keras.Input((4,), name="z"), keras.Input((3,), name="a")
    model = keras.Model([z, a], [z[:, :1] * float(n) + a for n in range(11)])
    path = export_tflite(model, tmp_path / "model.tflite").path
    inputs, outputs = signature(open_interpreter(path))
    sizes = {name: list(detail["shape_signature"]) for name, detail in inputs.items()}
    assert sizes == {"a": [-1, 3], "z": [-1, 4]}
    assert list(outputs) == [f"output_{n}" for n in range(11)]


@pytest.mark.tensorflow
def test_file_without_a_signature(tmp_path):
    import tensorflow as tf

    def double(x):
        return 2 * x

    function = tf.function(double).get_concrete_function(tf.TensorSpec((1, 4), tf.float32, "x"))
    path = tmp_path / "model.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function]).convert())
    inputs, outputs = signature(open_interpreter(path))
    assert list(inputs) == ["x"] and len(outputs) == 1
