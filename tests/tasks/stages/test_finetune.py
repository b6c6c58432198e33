import keras
import numpy as np
import pytest


@pytest.mark.tensorflow
def test_trains_the_pruned_network(finished):
    pruned, tuned = (
        keras.saving.load_model(finished.path(f"{name}.keras")) for name in ("pruned", "finetuned")
    )
    changed = [
        not np.array_equal(a, b)
        for a, b in zip(pruned.get_weights(), tuned.get_weights(), strict=True)
    ]
    assert all(changed)


@pytest.mark.tensorflow
def test_measures_redundancy_without_rewarding_it(finished):
    (record,) = finished.read_json("finetuned_history.json")
    assert 0 < record["S"] <= 1
    # The loss holds cross-entropy and L2 alone: it stays positive even with a huge S.
    assert record["loss"] > 0
