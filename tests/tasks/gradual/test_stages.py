import csv
import json

import keras
import numpy as np
import pytest

from ccm_tf.distribute import TensorFlowStrategy, registry
from ccm_tf.gradual.zeros import alive_roots
from ccm_tf.graph import ChannelGraph
from ccm_tf.reporting.content import stages
from tasks import pipeline
from tasks.gradual.settings import GradualSettings
from tasks.gradual.stages import stages_of
from tasks.job import Job
from tasks.step_checkpoints import StepCheckpoints
from tests.reporting.schema import check
from tests.tasks import programs, tiny
from tests.tasks.conftest import arguments_for
from tests.tasks.gradual.test_flags import parsed
from tests.tasks.test_training import at_step, stop


def small(images, folder, *more):
    arguments = [a for a in arguments_for(images, folder) if not a.startswith("--macs")]
    common = ("--model=resnet8", "--epochs=4", "--prune_every=1", "--prune_until=2")
    return parsed(*arguments, *common, *more)


def run(images, folder, *more):
    settings = small(images, folder, *more)
    pipeline.work(Job(settings), stages_of(settings), 1000)
    return json.loads((folder / "report.json").read_text())


@pytest.fixture
def tiny_network(monkeypatch):
    monkeypatch.setattr(GradualSettings, "build_network", lambda self, dataset: tiny.network())


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


@pytest.mark.parametrize(
    "method", [("frs", "--prune_channels=1"), pytest.param(("pca",), marks=pytest.mark.slow)]
)
def test_killed_within_an_epoch_is_the_same_run(
    method, images, tmp_path, tiny_network, monkeypatch, capsys
):
    name, *more = method
    folders = tmp_path / "undisturbed", tmp_path / "killed"
    # An epoch has three steps: the fifth is the second of the second epoch.
    for folder, step in zip(folders, (0, 5), strict=True):
        settings = small(images, folder, f"--method={name}", *more, "--checkpoint_steps=1")
        (train, *_) = stages_of(settings)
        if step:
            with monkeypatch.context() as patched:
                patched.setattr(StepCheckpoints, "on_train_batch_end", at_step(step, stop))
                with pytest.raises(KeyboardInterrupt):
                    pipeline.work(Job(settings), [train], 1000)
        pipeline.work(Job(settings), [train], 1000)
    assert "Going on after step 1 of epoch 2 of 4." in capsys.readouterr().out
    one, other = (
        keras.saving.load_model(folder / "masked.keras", compile=False) for folder in folders
    )
    assert not all(alive_roots(ChannelGraph(one)))
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_other_methods_reach_their_sparsity(images, tmp_path):
    report = run(images, tmp_path / "out", "--method=magnitude", "--sparsity=0.5")
    masked, slim = stages(report)
    assert slim["macs"] <= 0.5 * masked["macs"]


@pytest.mark.slow
@pytest.mark.tensorflow
def test_on_a_tpu(images, tmp_path, tpu, tiny_network):
    report = run(images, tmp_path / "out", "--method=frs", "--prune_channels=1")
    masked, after = stages(report)
    assert after["params"] < masked["params"]
    slim = keras.saving.load_model(tmp_path / "out" / "finetuned.keras")
    assert slim.get_layer("conv1").compute_dtype == "bfloat16"


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_two_workers_are_killed_and_go_on(tmp_path):
    flags = ("--epochs=3", "--prune_every=1", "--prune_until=2", "--method=frs")
    programs.killed_and_resumed(
        tmp_path,
        "gradual",
        # The third is within the second epoch, behind the first pruning.
        "masked_checkpoint.keras:3",
        (*flags, "--prune_channels=1", "--checkpoint_steps=2"),
        ("finetuned.keras",),
    )


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_on_two_replicas(images, tmp_path, two_replicas, monkeypatch):
    monkeypatch.setattr(registry, "_RUNNING", [TensorFlowStrategy(two_replicas)])
    report = run(images, tmp_path / "out", "--method=frs", "--prune_channels=3")
    masked, after = stages(report)
    assert after["params"] < masked["params"]
    assert after["accuracy"] == pytest.approx(masked["accuracy"])
