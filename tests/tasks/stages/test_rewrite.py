import shutil

import keras
import numpy as np
import pytest

import ccm_tf
from tasks.evaluation import accuracy
from tasks.job import Job
from tasks.stages.rewrite import REWRITE
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
