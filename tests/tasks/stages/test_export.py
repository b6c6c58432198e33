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


@pytest.mark.tensorflow
def test_quantised_files_and_what_is_known_of_them(finished, tmp_path):
    import dataclasses
    import json
    import shutil

    import ccm_tf
    from tasks.job import Job

    shutil.copytree(finished.folder, tmp_path / "out")
    selection = dataclasses.replace(finished.settings.selection, quantize=("int8",))
    settings = dataclasses.replace(
        finished.settings, output_dir=str(tmp_path / "out"), selection=selection
    )
    job = Job(settings)
    EXPORT.run(job)
    about = json.loads(job.path("export.json").read_text())
    assert about["model_int8.tflite"]["quantize"] == "int8"
    assert 0 <= about["model_int8.tflite"]["validation_accuracy"] <= 1
    assert about["model_int8.tflite"]["bytes"] == job.path("model_int8.tflite").stat().st_size
    assert about["model.tflite"]["quantize"] is None
    inside = ccm_tf.tflite_metadata(job.path("model_int8.tflite"))
    assert inside["labels"] == list(job.dataset.classes)
    plan = ccm_tf.PruningPlan.load(job.path("plan.json"))
    assert inside["plan"]["fingerprint"] == plan.fingerprint
    assert ccm_tf.tflite_metadata(job.path("dense.tflite"))["plan"] is None
