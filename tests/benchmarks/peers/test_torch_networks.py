import numpy as np
import pytest

from tasks import models
from tests import zoo

torch = pytest.importorskip("torch")

from benchmarks.peers import network, torch_networks, torch_side  # noqa: E402
from benchmarks.peers.weights import describe  # noqa: E402

MODELS = {
    "vgg16": lambda: models.vgg16(3, width=0.05),
    "resnet": lambda: models.resnet(14, 3, width=0.25, mids=[2, 5, 7, 3, 9, 4]),
}


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_those_of_keras(tmp_path, name):
    model = zoo.randomise(MODELS[name]())
    arrays = network.arrays_of(model)
    np.savez(tmp_path / "dense.npz", **arrays)
    images = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype("float32")
    twin = torch_side.load(describe(arrays), tmp_path / "dense.npz")
    theirs = torch_side.logits(twin, torch_side.images_of(images))
    network.check_same(name, network.outputs(model, images), theirs)


def test_unknown_families_are_refused():
    with pytest.raises(KeyError):
        torch_networks.build({"family": "other"})
