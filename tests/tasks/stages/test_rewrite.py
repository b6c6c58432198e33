import keras
import numpy as np
import pytest

import ccm_tf
from tasks.evaluation import accuracy


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
