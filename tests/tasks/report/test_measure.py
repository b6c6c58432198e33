import pytest

from tasks.report.measure import measured


@pytest.mark.tensorflow
def test_without_litert_files_keras_is_timed(finished, monkeypatch):
    has = type(finished).has
    monkeypatch.setattr(
        type(finished),
        "has",
        lambda job, *names: not any(n.endswith(".tflite") for n in names) and has(job, *names),
    )
    stages, how = measured(finished)
    assert [stage["name"] for stage in stages] == ["dense", "pruned", "finetuned"]
    assert how["bytes"] == "weights, float32"
    assert stages[0]["bytes"] == 4 * stages[0]["params"]
    assert stages[0]["latency_ms"] > 0


@pytest.mark.tensorflow
def test_published_counting_beside_ours(finished):
    dense = finished.read_json("report.json")["dense"]
    assert dense["thop"]["params"] < dense["params"]
    assert dense["thop"]["macs"] > dense["macs"]


@pytest.mark.tensorflow
def test_another_file_of_the_run_is_a_stage_of_its_own(finished, monkeypatch, tmp_path):
    path = type(finished).path
    # As if the run had made an int8 file; it is run on the test images and timed as well.
    monkeypatch.setattr(
        type(finished),
        "path",
        lambda job, name: path(job, "pruned.tflite" if name == "model_int8.tflite" else name),
    )
    stages, _ = measured(finished)
    *_, last, shipped, int8 = stages
    assert (shipped["name"], int8["name"]) == ("tflite", "int8")
    assert int8["title"] == "int8 file" and int8["macs"] == last["macs"]
    assert 0 <= int8["accuracy"] <= 1 and int8["latency_ms"] > 0
