import json
import stat
import sys
import textwrap

import numpy as np
import pytest

from benchmarks.peers import network
from benchmarks.peers.methods import PEERS
from benchmarks.peers.torch_job import TorchJob
from benchmarks.peers.weights import to_torch
from tasks import models
from tests import zoo

CHECK = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
SAMPLE = (CHECK, np.array([0, 1]))

# Stands for the Python with PyTorch: hands back what lies in the folder already.
PRETENDER = """
#!{python}
import json, pathlib, sys
path = pathlib.Path(sys.argv[-1])
job = json.loads(path.read_text())
assert sys.argv[1:3] == ["-m", "benchmarks.peers.torch_side"]
assert [task["macs"] for task in job["tasks"]] == [0.5]
(path.parent / "result.json").write_text(json.dumps({{"tasks": {{job["tasks"][0]["id"]: {{}}}}}}))
"""


@pytest.fixture
def model():
    return zoo.randomise(models.resnet(8, 3, width=0.25))


@pytest.fixture
def job(tmp_path):
    python = tmp_path / "python"
    python.write_text(textwrap.dedent(PRETENDER).strip().format(python=sys.executable))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return TorchJob(tmp_path / "torch", str(python))


def test_the_other_side_gets_what_it_needs(job, model):
    job.folder.mkdir()
    outputs = network.outputs(model, CHECK)
    np.savez(job.folder / "dense_logits.npz", logits=outputs * (1 + 1e-6))
    result = job.run(model, SAMPLE, CHECK, [(PEERS[0], 0.5)])
    assert result["conversion"] < 1e-5 and list(result["tasks"]) == ["group_l2_global_0.5"]
    written = json.loads((job.folder / "job.json").read_text())
    assert written["description"]["family"] == "resnet" and written["threads"] == 1
    with np.load(job.folder / "images.npz") as arrays:
        np.testing.assert_array_equal(arrays["check"], CHECK)


def test_a_network_that_computes_something_else_is_refused(job, model):
    job.folder.mkdir()
    np.savez(job.folder / "dense_logits.npz", logits=network.outputs(model, CHECK) * 1.1)
    with pytest.raises(ValueError, match="not converted faithfully"):
        job.run(model, SAMPLE, CHECK, [(PEERS[0], 0.5)])


def test_a_pruned_network_comes_back(job):
    slim = zoo.randomise(models.resnet(8, 3, width=0.25, mids=[2, 5, 7]))
    job.folder.mkdir()
    path = job.folder / "group_l2_global_0.5.npz"
    state, outputs = to_torch(network.arrays_of(slim)), network.outputs(slim, CHECK)
    np.savez(path, logits=outputs, **state)
    found, off = job.pruned(PEERS[0], 0.5, CHECK)
    assert off == 0 and network.size(found) == network.size(slim)
    np.savez(path, logits=outputs + 1, **state)
    with pytest.raises(ValueError, match=PEERS[0].name):
        job.pruned(PEERS[0], 0.5, CHECK)


@pytest.mark.parametrize("python", ["false", "no such program"])
def test_a_program_that_fails_is_explained(tmp_path, model, python):
    with pytest.raises(RuntimeError, match="torch, torch-pruning and numpy in the Python"):
        TorchJob(tmp_path, python).run(model, SAMPLE, CHECK, [(PEERS[0], 0.5)])
