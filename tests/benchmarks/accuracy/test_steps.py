import dataclasses

import keras
import numpy as np
import pytest

from benchmarks.accuracy.deadline import Deadline, OutOfTime
from benchmarks.accuracy.kinds import STEPS
from benchmarks.accuracy.matrix import load_cells
from benchmarks.accuracy.steps import Context, fingerprint
from ccm_tf.ccm import model as ccm_model
from tasks.data import load


@pytest.fixture(scope="module")
def dataset(drawn):
    return load("image_folder", drawn)


@pytest.fixture
def context(dataset, tmp_path):
    return Context(dataset, seed=1, folder=tmp_path)


@pytest.fixture
def steps(tiny_matrix):
    return load_cells(tiny_matrix)[-1].steps


def test_samples_come_from_the_training_set_and_depend_on_the_seed(context, dataset, tmp_path):
    sample = context.sample(6)
    train = dataset.preprocessing.normalise(dataset.train.images)
    assert all(np.any(np.all(image == train, axis=(1, 2, 3))) for image in sample)
    np.testing.assert_array_equal(sample, context.sample(6))
    assert not np.array_equal(sample, Context(dataset, 2, tmp_path).sample(6))


def test_fingerprint_sees_a_pixel(dataset):
    before = fingerprint(dataset)
    assert (before["train_images"], before["test_images"]) == (18, 8)
    dataset.train.images[0, 0, 0, 0] ^= 1
    after = fingerprint(dataset)
    dataset.train.images[0, 0, 0, 0] ^= 1
    assert before["sha256"] != after["sha256"]
    assert fingerprint(dataset) == before


def test_chain_of_all_steps(context, steps):
    train, sliced, recalibrate, finetune = steps
    dense, record = STEPS["train"](None, train, context)
    assert len(record["epochs"]) == 3
    assert record["images_per_second"] > 0
    # The loss on correlations leaves no trace in the network that is handed on.
    assert not isinstance(dense, ccm_model.Model)

    slim, record = STEPS["slice"](dense, sliced, context)
    assert slim.count_params() < dense.count_params()
    assert sum(record["kept"].values()) < sum(
        layer.filters for layer in dense.layers if hasattr(layer, "filters")
    )

    statistics = [np.array(v) for v in slim.non_trainable_variables]
    weights = [np.array(v) for v in slim.trainable_variables]
    STEPS["recalibrate"](slim, recalibrate, context)
    moved = [np.array(v) for v in slim.non_trainable_variables]
    assert not all(np.array_equal(a, b) for a, b in zip(statistics, moved, strict=True))
    for before, after in zip(weights, slim.trainable_variables, strict=True):
        np.testing.assert_array_equal(before, after)

    _, record = STEPS["finetune"](slim, finetune, context)
    assert int(slim.optimizer.iterations) == finetune["steps"]


def test_directions_go_instead_of_channels(context, steps):
    dense, _ = STEPS["train"](None, steps[0], context)
    settings = {"criterion": {"name": "eigendamage", "max_ratio": 0.9}, "macs": 0.7, "images": 16}
    slim, record = STEPS["eigen"](dense, settings, context)
    assert slim.count_params() < dense.count_params()
    assert record["predicted_rise"] > 0 and record["directions"]
    settings = {"criterion": "kron_obs", "macs": 0.7, "images": 16}
    slim, record = STEPS["surgery"](dense, settings, context)
    assert slim.count_params() < dense.count_params() and record["kept"]


def test_a_recipe_on_the_device_in_half_precision_trains_as_any_other(context, steps):
    recipe = {**steps[0]["recipe"], "on_device": True, "precision": "mixed_bfloat16"}
    dense, record = STEPS["train"](None, {**steps[0], "recipe": recipe}, context)
    assert len(record["epochs"]) == 3 and record["redundancy"]
    assert dense.input_shape == (None, 32, 32, 3)
    convolution = next(layer for layer in dense.layers if hasattr(layer, "filters"))
    assert convolution.compute_dtype == "bfloat16"
    assert keras.config.dtype_policy().name == "float32"
    slim, _ = STEPS["slice"](dense, steps[1], context)
    (context.folder / "checkpoint.npz").unlink()
    _, record = STEPS["retrain"](slim, {**recipe, "epochs": 2}, context)
    assert len(record["epochs"]) == 2


def test_retraining_stops_in_time(context, steps):
    dense, _ = STEPS["train"](None, {**steps[0], "loss": {}}, context)
    (context.folder / "checkpoint.npz").unlink()
    late = dataclasses.replace(context, deadline=Deadline(minutes=0))
    with pytest.raises(OutOfTime, match="1 of 3 epochs"):
        STEPS["retrain"](dense, steps[0]["recipe"], late)


def test_random_criterion_follows_the_seed(dataset, steps, tmp_path):
    train = {**steps[0], "loss": {}, "recipe": {**steps[0]["recipe"], "epochs": 1}}
    (tmp_path / "train").mkdir()
    model, _ = STEPS["train"](None, train, Context(dataset, 0, tmp_path / "train"))
    kernels = []
    for seed in (0, 0, 1):
        slim, _ = STEPS["slice"](model, steps[1], Context(dataset, seed, tmp_path))
        kernels.append([np.array(v) for v in slim.trainable_variables])
    same = [np.array_equal(a, b) for a, b in zip(kernels[0], kernels[1], strict=True)]
    assert all(same)
    assert not all(np.array_equal(a, b) for a, b in zip(kernels[0], kernels[2], strict=True))


def test_folding_changes_kernels_and_nothing_of_the_plan(context, steps):
    dense, _ = STEPS["train"](None, {**steps[0], "loss": {}}, context)
    sliced, plain = STEPS["slice"](dense, steps[1], context)
    fold = {**steps[1], "step": "fold", "method": "least_squares"}
    folded, record = STEPS["fold"](dense, fold, context)
    assert record["kept"] == plain["kept"]
    same = [np.array_equal(a, b) for a, b in zip(sliced.weights, folded.weights, strict=True)]
    assert not all(same)


def test_a_criterion_gets_the_labels_that_it_needs(context, steps):
    dense, _ = STEPS["train"](None, {**steps[0], "loss": {}}, context)
    slim, _ = STEPS["slice"](dense, {**steps[1], "criterion": "taylor"}, context)
    assert slim.count_params() < dense.count_params()


def test_a_criterion_gets_its_arguments_and_the_plan_its_limits(context, steps):
    dense, _ = STEPS["train"](None, {**steps[0], "loss": {}}, context)
    criterion = {"name": "magnitude", "norm": "l1", "plan": {"max_ratio": 0.25}}
    _, record = STEPS["slice"](dense, {**steps[1], "criterion": criterion, "macs": 0.9}, context)
    widths = {layer.name: layer.filters for layer in dense.layers if hasattr(layer, "filters")}
    assert all(record["kept"][name] >= 0.75 * width for name, width in widths.items())
    with pytest.raises(ValueError, match="norm"):
        wrong = {"name": "magnitude", "norm": "l3"}
        STEPS["slice"](dense, {**steps[1], "criterion": wrong}, context)
