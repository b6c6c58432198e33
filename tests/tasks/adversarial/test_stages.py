import json

import keras
import pytest

from ccm_tf.distribute import TensorFlowStrategy, registry
from tasks import pipeline
from tasks.adversarial import stages
from tasks.adversarial.settings import AdversarialSettings
from tasks.job import Job
from tests.reporting.schema import check
from tests.tasks import programs, tiny
from tests.tasks.adversarial.test_flags import parsed
from tests.tasks.conftest import arguments_for


def small(images, folder, *more):
    arguments = [a for a in arguments_for(images, folder) if not a.startswith("--macs")]
    common = ("--model=resnet8", "--rounds=2", "--round_epochs=1", "--threshold=0.5")
    return parsed(*arguments, *common, *more)


def run(images, folder, *more):
    settings = small(images, folder, *more)
    pipeline.work(Job(settings), stages.STAGES, 1000)
    return json.loads((folder / "report.json").read_text())


@pytest.mark.slow
def test_a_run_can_be_killed_in_a_round_and_goes_on(images, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "out"
    fit, calls = stages.fit, []

    def killed(job, start, training, name, **options):
        calls.append(name)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return fit(job, start, training, name, **options)

    with monkeypatch.context() as patch:
        patch.setattr(stages, "fit", killed)
        with pytest.raises(KeyboardInterrupt):
            run(images, folder)
    assert (folder / "discriminator.keras").exists()
    report = run(images, folder)
    assert "Round 2" in capsys.readouterr().out
    assert report["finetuned"]["params"] < report["dense"]["params"]
    slim = keras.saving.load_model(folder / "finetuned.keras")
    assert slim.count_params() == report["finetuned"]["params"]
    rounds = [json.loads((folder / f"rounds/round-0{n}.json").read_text()) for n in (1, 2)]
    assert rounds[0]["params"] > rounds[1]["params"] == slim.count_params()
    check(report)
    assert [row["params"] for row in report["rounds"]] == [row["params"] for row in rounds]
    assert "recovered, validation images" in (folder / "report.html").read_text()


@pytest.mark.slow
def test_nothing_below_the_threshold_is_told(images, tmp_path):
    with pytest.raises(ValueError, match="nothing was pruned.*--threshold=0.0"):
        run(images, tmp_path / "out", "--threshold=0", "--method=plain")


def one_round(images, folder):
    """A run that ends with the training of the slim network, which it returns."""
    pipeline.work(Job(small(images, folder, "--rounds=1")), stages.STAGES[:3], 1000)
    dense, slim = (
        keras.saving.load_model(folder / f"{name}.keras") for name in ("dense", "finetuned")
    )
    assert slim.count_params() < dense.count_params()
    return slim


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_on_a_tpu(images, tmp_path, tpu, monkeypatch):
    monkeypatch.setattr(AdversarialSettings, "build_network", lambda self, data: tiny.network())
    slim = one_round(images, tmp_path / "out")
    assert slim.get_layer("conv1").compute_dtype == "bfloat16"


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_two_workers_are_killed_and_go_on(tmp_path):
    flags = ("--epochs=1", "--rounds=1", "--round_epochs=1", "--threshold=0.5")
    programs.killed_and_resumed(
        tmp_path,
        "adversarial",
        # Behind the training of a round, before the round is noted.
        "round-01-recovered.keras:1",
        (*flags, "--attention_weight=1"),
        ("finetuned.keras", "discriminator.keras"),
    )


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_on_two_replicas(images, tmp_path, two_replicas, monkeypatch):
    monkeypatch.setattr(registry, "_RUNNING", [TensorFlowStrategy(two_replicas)])
    one_round(images, tmp_path / "out")
