import numpy as np
import pytest

from ccm_tf.statistics.merging import absorb, merge, state_of
from ccm_tf.statistics.moments import Moments


def test_structures_are_added_part_by_part():
    one = {"n": 1, "sums": [np.ones(2), 0.5], "only": 3}
    found = merge(one, {"n": 2, "sums": [np.full(2, 2.0), 1.0], "other": 4})
    assert found["n"] == 3 and found["only"] == 3 and found["other"] == 4
    np.testing.assert_array_equal(found["sums"][0], [3, 3])
    assert found["sums"][1] == 1.5
    assert merge((1, "label"), (2, "label")) == (3, "label")


def test_objects_merge_themselves():
    x, y = np.random.default_rng(0).normal(size=(2, 9, 3))
    merged = merge([Moments(3).update(x)], [Moments(3).update(y)])[0]
    both = Moments(3).update(np.concatenate([x, y]))
    np.testing.assert_allclose(merged.covariance(), both.covariance(), rtol=1e-12)


def test_state_of_a_sum_fills_an_empty_one():
    label = object()
    full = {"m": [(label, Moments(2).update(np.eye(2)))], "n": 2, "sums": {"a": np.ones(1)}}
    state = state_of(full)
    assert state["m"][0][0] is None
    found = absorb({"m": [(label, Moments(2))], "n": 0, "sums": {}}, state)
    assert found["m"][0][0] is label and found["n"] == 2
    np.testing.assert_array_equal(found["sums"]["a"], [1])
    np.testing.assert_array_equal(found["m"][0][1].covariance(), full["m"][0][1].covariance())


@pytest.mark.parametrize("join", [merge, absorb])
def test_sums_of_different_models_are_refused(join):
    with pytest.raises(ValueError, match="1 and of 2 parts cannot be merged"):
        join([1], [1, 2])
