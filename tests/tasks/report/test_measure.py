import pytest

from tasks.report.measure import history, measured


@pytest.mark.tensorflow
def test_without_litert_files_keras_is_timed(finished, monkeypatch):
    has = type(finished).has
    monkeypatch.setattr(
        type(finished),
        "has",
        lambda job, *names: not any(n.endswith(".tflite") for n in names) and has(job, *names),
    )
    report = measured(finished)
    assert report["tflite"] is None and report["how"]["bytes"] == "weights, float32"
    assert report["dense"]["bytes"] == 4 * report["dense"]["params"]
    assert report["dense"]["latency_ms"] > 0


@pytest.mark.tensorflow
def test_published_counting_beside_ours(finished):
    dense = finished.read_json("report.json")["dense"]
    assert dense["thop"]["params"] < dense["params"]
    assert dense["thop"]["macs"] > dense["macs"]


@pytest.mark.tensorflow
def test_history_of_what_was_trained(finished):
    assert len(history(finished, "dense")) == 2
    assert history(finished, "pruned") == []
