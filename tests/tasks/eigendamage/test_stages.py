import json

import keras
import pytest

from ccm_tf.distribute import TensorFlowStrategy, registry
from tasks import pipeline
from tasks.eigendamage.stages import stages_of
from tasks.job import Job
from tests.reporting.schema import check
from tests.tasks import programs
from tests.tasks.conftest import arguments_for
from tests.tasks.eigendamage.test_flags import parsed


def small(images, folder, *more):
    arguments = [a for a in arguments_for(images, folder) if not a.startswith("--macs")]
    return parsed(*arguments, "--model=resnet8", *more)


def work(settings):
    pipeline.work(Job(settings), stages_of(settings), 1000)


def test_two_rounds_and_a_second_call_that_goes_on(images, tmp_path, capsys):
    settings = small(images, tmp_path / "out", "--ratio=0.3,0.3", "--protocol=iterative")
    work(settings)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    sizes = [report[name]["params"] for name in ("dense", "finetuned_1", "finetuned_2")]
    assert sizes[0] > sizes[1] > sizes[2]
    first = report["directions"][0]["layers"][0]
    assert len(first["input_values"]) == first["inputs"] >= first["kept_inputs"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Spectra: round 2" in page and "<polyline" in page
    assert [len(report["history"][name]) for name in ("dense", "finetuned_2")] == [2, 1]
    check(report)
    # As if the process had been killed in the second round.
    for name in ("pruned_2.keras", "finetuned_2.keras", "report.json"):
        (tmp_path / "out" / name).unlink()
    capsys.readouterr()
    work(settings)
    shown = capsys.readouterr().out
    assert "finetune_1: done already" in shown and "prune_2: round 2" in shown
    assert (tmp_path / "out" / "finetuned_2.keras").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["kron_obs", pytest.param("magnitude", marks=pytest.mark.long)])
def test_relatives_by_the_same_protocol(images, tmp_path, method):
    settings = small(images, tmp_path / "out", "--ratio=0.3", f"--method={method}")
    work(settings)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["finetuned_1"]["params"] < report["dense"]["params"]
    assert report["directions"] == [{"title": "round 1", "layers": []}]
    check(report)
    assert keras.saving.load_model(tmp_path / "out" / "pruned_1.keras").count_params()


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_on_two_replicas(images, tmp_path, two_replicas, monkeypatch):
    monkeypatch.setattr(registry, "_RUNNING", [TensorFlowStrategy(two_replicas)])
    settings = small(images, tmp_path / "out", "--ratio=0.3")
    pipeline.work(Job(settings), stages_of(settings)[:-1], 1000)
    dense, slim = (
        keras.saving.load_model(tmp_path / "out" / f"{name}.keras")
        for name in ("dense", "finetuned_1")
    )
    assert slim.count_params() < dense.count_params()


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_two_workers_are_killed_and_go_on(tmp_path):
    programs.killed_and_resumed(
        tmp_path,
        "eigendamage",
        "pruned_1.keras:1",
        ("--epochs=1", "--ratio=0.3"),
        ("finetuned_1.keras",),
    )
