import shutil

import keras
import numpy as np
import pytest

import ccm_tf
from tasks.evaluation import accuracy
from tasks.job import Job
from tasks.stages.rewrite import REWRITE
from tests import zoo
from tests.distribute import processes
from tests.tasks.conftest import parsed


@pytest.mark.tensorflow
def test_the_slim_network_is_the_plans(finished):
    dense = keras.saving.load_model(finished.path("dense.keras"))
    plan = ccm_tf.PruningPlan.load(finished.path("plan.json"))
    slim, pruned = (
        ccm_tf.rewrite(dense, plan),
        keras.saving.load_model(finished.path("pruned.keras")),
    )
    for name in ("stage1_block1_conv1", "stage2_block1_conv1"):
        ours, theirs = slim.get_layer(name).kernel, pruned.get_layer(name).kernel
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    # Only batch normalisation was recalibrated.
    moved = [pruned.get_layer(f"stage{s}_block1_bn1").moving_mean.numpy() for s in (1, 2, 3)]
    before = [slim.get_layer(f"stage{s}_block1_bn1").moving_mean.numpy() for s in (1, 2, 3)]
    assert any(not np.allclose(a, b) for a, b in zip(moved, before, strict=True))
    test = finished.dataset.batches("test", 64)
    assert finished.read_json("sliced.json")["accuracy"] == pytest.approx(accuracy(slim, test))


@pytest.mark.tensorflow
def test_folded_channels_leave_batch_normalisation_as_it_was(finished, arguments):
    job = Job(parsed([*arguments, "--fold=least_squares"]))
    job.folder.mkdir()
    for name in REWRITE.needs:
        shutil.copy(finished.path(name), job.folder)
    REWRITE.run(job)
    plan = ccm_tf.PruningPlan.load(job.path("plan.json"))
    cut = ccm_tf.rewrite(keras.saving.load_model(job.path("dense.keras")), plan)
    folded = keras.saving.load_model(job.path("pruned.keras"))
    before = {v.path: v.numpy() for v in cut.variables}
    changed = {v.path for v in folded.variables if not np.array_equal(before[v.path], v.numpy())}
    # A fold's offset goes into the moving mean where there is no bias, never into the variance.
    assert changed and not any("moving_variance" in path for path in changed)
    # What the report says of the plain cut is said of it whatever came after.
    assert job.read_json("sliced.json") == finished.read_json("sliced.json")


def network():
    """Three convolutions with batch normalisation, wide enough to lose channels and directions."""
    layers = keras.layers
    inputs = x = keras.Input((32, 32, 3))
    for i in (1, 2, 3):
        x = layers.Conv2D(16, 3, strides=2, name=f"conv{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(layers.BatchNormalization(name=f"bn{i}")(x))
    return keras.Model(inputs, layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D()(x)))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_two_worker_processes_prune_as_one_to_the_last_bit(images, tmp_path):
    model = zoo.randomise(network())
    plan = ccm_tf.plan(model, "magnitude", macs=0.5)
    (tmp_path / "given").mkdir()
    model.save(tmp_path / "given" / "dense.keras")
    plan.save(tmp_path / "given" / "plan.json")

    def command(strategy, run):
        (tmp_path / run).mkdir(exist_ok=True)
        folders = str(images), str(tmp_path / "given"), str(tmp_path / run)
        return ["tests/tasks/pruning_worker.py", strategy, *folders]

    two = [command("multi_worker", "two")] * 2
    processes.run([command("none", "one"), *two], [processes.alone(), *processes.environments(2)])
    made = ("cut/pruned.keras", "folded/pruned.keras", "eigen/pruned_1.keras")
    for name in made:
        one, several = (keras.saving.load_model(tmp_path / r / name) for r in ("one", "two"))
        assert one.count_params() < model.count_params()
        for ours, theirs in zip(one.get_weights(), several.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=name)
    for name in ("cut/sliced.json", "folded/sliced.json", "eigen/round_1.json"):
        one, several = ((tmp_path / run / name).read_text() for run in ("one", "two"))
        assert one == several
    plans = [ccm_tf.EigenPlan.load(tmp_path / r / "eigen/plan_1.plan") for r in ("one", "two")]
    assert plans[0].layers and plans[0].as_bytes() == plans[1].as_bytes()
