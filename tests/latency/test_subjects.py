import keras
import pytest

from ccm_tf.latency.operators import Operator
from ccm_tf.latency.single import single_operator
from ccm_tf.latency.subjects import keras_subject, litert_subject


def test_a_keras_model_of_several_inputs():
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b", dtype="int32")
    subject = keras_subject(keras.Model({"a": a, "b": b}, [a * 2.0, b + 1], name="net"))
    assert subject.name == "net" and subject.runtime == f"Keras, {keras.backend.backend()}"
    assert subject.call()[0].shape == (1, 3) and not subject.one_thread


def test_open_sizes_are_refused():
    inputs = keras.Input((None, 3), name="x")
    model = keras.Model(inputs, keras.layers.Conv1D(2, 1)(inputs), name="net")
    with pytest.raises(ValueError, match=r"'net' leaves sizes of its inputs open: \{'x': \(None"):
        keras_subject(model)


def test_a_file_and_its_threads(tmp_path):
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "one.tflite"
    path.write_bytes(single_operator(Operator("unary", 2, 2), 3, 3))
    subject = litert_subject(path, threads=1)
    subject.call()
    assert (subject.name, subject.runtime) == ("one.tflite", "LiteRT, 1 thread")
    assert subject.one_thread and not litert_subject(path, threads=2, name="x").one_thread
