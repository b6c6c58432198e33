import keras
import pytest

from benchmarks.accuracy.cells import DENSE
from benchmarks.peers import base, network
from tasks import models


def refuse():
    raise AssertionError("A given network needs no images.")


def test_a_given_network_is_taken(tmp_path):
    path = tmp_path / "net.keras"
    network.save(models.resnet(8, 3, width=0.25), path)
    assert base.base_network(path, tmp_path, refuse) == path
    first = base.fingerprint(path)
    network.save(keras.models.load_model(path), tmp_path / "copy.keras")
    assert base.fingerprint(tmp_path / "copy.keras") == first
    network.save(models.resnet(8, 3, width=0.25), tmp_path / "other.keras")
    assert base.fingerprint(tmp_path / "other.keras") != first


def test_a_network_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no network at"):
        base.base_network(tmp_path / "none.keras", tmp_path, refuse)


def test_other_networks_are_refused_at_once(tmp_path):
    path = tmp_path / "net.keras"
    inputs = keras.Input((32, 32, 3))
    network.save(keras.Model(inputs, keras.layers.Flatten()(inputs)), path)
    with pytest.raises(ValueError, match="networks `vgg16` and `resnet` of tasks.models"):
        base.base_network(path, tmp_path, refuse)


def test_the_default_is_a_trained_network_of_the_accuracy_benchmark():
    cell = base.trained_cell()
    assert cell.parent is None and cell.labels["stage"] == DENSE
    assert cell.labels["training"] == "none" and cell.labels["seed"] == base.SEED


def test_the_recipe_is_that_of_the_accuracy_benchmark():
    steps = base.steps_of_matrix()
    assert {"steps", "batch_size", "learning_rate", "momentum", "l2", "augment"} <= set(
        steps["finetune"]
    )
    assert steps["slice"]["images"] and steps["recalibrate"]["images"]
