"""The whole comparison on small images, with stand-ins for the two other programs."""

import numpy as np
import pytest

from benchmarks.peers import network
from benchmarks.peers.comparison import Comparison
from benchmarks.peers.inputs import Inputs
from benchmarks.peers.methods import OWN, PEERS
from benchmarks.peers.torch_job import TorchJob, identifier
from benchmarks.peers.weights import to_torch
from benchmarks.peers.zeros import TfmotJob, with_zeros
from tasks import models
from tasks.batches import Preprocessing

RECIPE = {"steps": 2, "batch_size": 4, "learning_rate": 0.05, "momentum": 0.9, "l2": 1e-4}


@pytest.fixture
def comparison(tmp_path):
    generator = np.random.default_rng(0)

    def part(count):
        pixels = generator.integers(0, 256, (count, 32, 32, 3)).astype("uint8")
        return pixels, np.arange(count) % 3

    preprocessing = Preprocessing((0.5,) * 3, (0.2,) * 3, pad=0, flip=False)
    inputs = Inputs(part(6), part(6), part(8), np.array([4, 4]), part(6), preprocessing)
    base = tmp_path / "dense.keras"
    network.save(models.resnet(8, 3, width=0.5), base)
    about = {"network": "abc"}
    return Comparison(tmp_path, base, inputs, about, RECIPE, (0.5,), "python", repeats=1)


def test_a_method_of_ours_is_pruned_and_recovered(comparison):
    found = comparison.own_row(OWN[0], 0.5)
    dense = comparison.dense_row()
    assert dense["test_images"] == 6 and found["macs"] <= 0.5 * dense["macs"]
    assert set(found["accuracy"]) == {"pruned", "recalibrated", "finetuned"}
    assert found["masked_difference"] < 1e-5 and found["time"]["repeats"] == 1
    assert found["widths"]["logits"] == 3
    path = comparison.work_dir / "networks" / f"ccm_tf_{identifier(OWN[0].name, 0.5)}.keras"
    saved = path.stat().st_mtime_ns
    assert comparison.own_row(OWN[0], 0.5) == found and path.stat().st_mtime_ns == saved


def test_a_network_of_the_peer_is_recovered_the_same_way(comparison, monkeypatch):
    name = identifier(PEERS[0].name, 0.5)
    slim = models.resnet(8, 3, width=0.5, mids=[2, 5, 7])

    def run(job, model, images, check, tasks):
        job.folder.mkdir(parents=True)
        outputs = network.outputs(slim, check)
        np.savez(job.folder / f"{name}.npz", logits=outputs, **to_torch(network.arrays_of(slim)))
        return {"tasks": {identifier(p.name, at): {"time": 1} for p, at in tasks}}

    monkeypatch.setattr(TorchJob, "run", run)
    found = comparison.peer_row(PEERS[0], 0.5)
    assert found["conversion"] == 0 and found["time"] == 1
    assert found["widths"]["stage1_block1_conv1"] == 2
    assert set(found["accuracy"]) == {"pruned", "recalibrated", "finetuned"}


def test_zeros_are_as_many_as_channels_left(comparison, monkeypatch):
    row = comparison.own_row(OWN[0], 0.5)
    monkeypatch.setattr(
        TfmotJob, "run", lambda job, sparsity, output: with_zeros(comparison.dense(), sparsity)
    )
    found = comparison.zeros_row(OWN[0], 0.5)
    assert found["params"] == comparison.dense_row()["params"] > row["params"]
    assert found["zeros"] == pytest.approx(found["sparsity"], abs=0.01)
    assert 0.3 < network.share_of_zeros(with_zeros(comparison.dense(), found["sparsity"])) < 0.9
