import numpy as np
import pytest

from benchmarks.peers import network
from tasks import models
from tests import zoo


@pytest.fixture(params=["vgg16", "resnet"])
def model(request):
    if request.param == "vgg16":
        return zoo.randomise(models.vgg16(3, width=0.05))
    return zoo.randomise(models.resnet(8, 3, width=0.25, mids=[2, 5, 7]))


def test_weights_by_name_make_the_same_network(model):
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    twin = network.network_of(network.arrays_of(model))
    np.testing.assert_array_equal(network.outputs(twin, images), network.outputs(model, images))
    assert network.size(twin) == network.size(model)


def test_missing_weights_are_named():
    arrays = network.arrays_of(models.resnet(8, 3, width=0.25))
    del arrays["bn1/gamma"]
    with pytest.raises(ValueError, match=r"Missing or too many: \['bn1/gamma'\]"):
        network.network_of(arrays)


def test_other_outputs_are_refused():
    ours = np.array([1.0, 2.0])
    assert network.check_same("Dense", ours, ours + 1e-6) < 1e-6
    with pytest.raises(
        ValueError, match="Dense: the outputs of Keras and PyTorch differ by 1.0e-0"
    ):
        network.check_same("Dense", ours, ours + 2e-4)
    with pytest.raises(ValueError, match="differ by nan"):
        network.check_same("Dense", ours, ours + np.nan)


def test_a_saved_network_is_whole(tmp_path, model):
    path = tmp_path / "networks" / "one.keras"
    network.save(model, path)
    assert [file.name for file in path.parent.iterdir()] == ["one.keras"]
