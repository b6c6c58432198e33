import csv
import json

import keras
import pytest

from ccm_tf.distribute import TensorFlowStrategy, registry
from ccm_tf.reporting.content import stages
from tasks import pipeline
from tasks.gradual.stages import stages_of
from tasks.job import Job
from tests.reporting.schema import check
from tests.tasks.conftest import arguments_for
from tests.tasks.gradual.test_flags import parsed


def run(images, folder, *more):
    arguments = [a for a in arguments_for(images, folder) if not a.startswith("--macs")]
    common = ("--model=resnet8", "--epochs=4", "--prune_every=1", "--prune_until=2")
    settings = parsed(*arguments, *common, *more)
    pipeline.work(Job(settings), stages_of(settings), 1000)
    return json.loads((folder / "report.json").read_text())


def test_frs_removes_so_many_channels_while_training(images, tmp_path, capsys):
    folder = tmp_path / "out"
    report = run(images, folder, "--method=frs", "--prune_channels=3")
    check(report)
    masked, after = stages(report)
    assert after["params"] < masked["params"]
    assert after["accuracy"] == pytest.approx(masked["accuracy"])
    slim = keras.saving.load_model(folder / "finetuned.keras")
    assert slim.count_params() == after["params"]
    with (folder / "pruning.csv").open() as file:
        rows = list(csv.DictReader(file))
    macs = [int(row["macs"]) for row in rows]
    assert len(macs) == 4 and macs[0] > macs[1] > macs[2] == macs[3]
    capsys.readouterr()
    run(images, folder, "--method=frs", "--prune_channels=3")
    assert capsys.readouterr().out.count("done already") == 3


@pytest.mark.slow
def test_other_methods_reach_their_sparsity(images, tmp_path):
    report = run(images, tmp_path / "out", "--method=magnitude", "--sparsity=0.5")
    masked, slim = stages(report)
    assert slim["macs"] <= 0.5 * masked["macs"]


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_on_two_replicas(images, tmp_path, two_replicas, monkeypatch):
    monkeypatch.setattr(registry, "_RUNNING", [TensorFlowStrategy(two_replicas)])
    report = run(images, tmp_path / "out", "--method=frs", "--prune_channels=3")
    masked, after = stages(report)
    assert after["params"] < masked["params"]
    assert after["accuracy"] == pytest.approx(masked["accuracy"])
