import keras
import pytest

from tasks.stages.export import EXPORT


@pytest.mark.tensorflow
def test_without_tensorflow_says_why_and_goes_on(finished, monkeypatch, capsys):
    before = finished.path("model.tflite").read_bytes()
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    EXPORT.run(finished)
    assert "needs Keras on TensorFlow, and it runs on jax" in capsys.readouterr().out
    assert finished.path("model.tflite").read_bytes() == before


@pytest.mark.tensorflow
def test_ships_the_last_network(finished):
    shipped = finished.path("model.tflite").read_bytes()
    assert shipped == finished.path("finetuned.tflite").read_bytes()
    assert shipped != finished.path("pruned.tflite").read_bytes()
    assert len(shipped) < finished.path("dense.tflite").stat().st_size
