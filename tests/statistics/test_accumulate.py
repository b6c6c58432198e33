import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.criteria import criteria, get_criterion
from ccm_tf.statistics.accumulate import accumulated, numbered, summed
from ccm_tf.statistics.batches import batches
from ccm_tf.statistics.merging import merge
from ccm_tf.statistics.moments import Moments
from ccm_tf.statistics.sharded import Sharded
from tests.workers import in_turn
from tests.zoo import residual

# Criteria that look at data: the sums of all of them are shared out.
SLOW = ("obd", "obs", "relevance", "taylor")
SHARED = sorted(name for name, criterion in criteria().items() if criterion.needs_data)


def moments(data):
    return accumulated(
        data, lambda part: batches(part, batch_size=3), lambda: Moments(4), Moments.update
    )


def test_plain_data_is_summed_in_order():
    x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
    alone = Moments(4)
    for start in range(0, 20, 3):
        alone.update(x[start : start + 3])
    np.testing.assert_array_equal(moments(x).covariance(), alone.covariance())


def test_sums_are_the_same_bits_from_any_number_of_workers():
    x = np.random.default_rng(0).normal(size=(61, 4)).astype("float32") * [1, 1e3, 1e-3, 7]
    one = moments(Sharded(x)).covariance()
    np.testing.assert_allclose(one, moments(x).covariance(), rtol=1e-10, atol=1e-9)
    assert one.tobytes() != moments(x).covariance().tobytes()  # the order does matter
    for count in (2, 3, 4, 9):
        found = in_turn(count, lambda i, gather, n=count: moments(Sharded(x, i, n, gather)))
        assert {m.covariance().tobytes() for m in found} == {one.tobytes()}
        assert {m.count for m in found} == {61}


def test_several_sums_over_one_pass():
    x = np.arange(22.0)

    def sums(data):
        kept = list(numbered(data, lambda part: batches(part, batch_size=2)))
        return [
            summed(
                data,
                ((number, {"sum": np.sum(batch**power)}) for number, batch in kept),
                dict,
                merge,
            )["sum"]
            for power in (1, 2)
        ]

    expected = [x.sum(), (x**2).sum()]
    assert sums(x) == expected
    for found in in_turn(3, lambda i, gather: sums(Sharded(x, i, 3, gather))):
        assert found == expected


def test_no_batch_for_anybody():
    with pytest.raises(ValueError, match="holds no batch"):
        in_turn(2, lambda i, gather: moments(Sharded(iter(()), i, 2, gather)))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in SHARED]
)
def test_the_plan_is_the_same_bits_from_one_two_and_four_shards(name):
    model = residual()
    rng = np.random.default_rng(1)
    data = rng.normal(size=(44, 8, 8, 3)).astype("float32"), rng.integers(0, 3, 44)
    model.layers[-1].activation = keras.activations.softmax
    criterion = get_criterion(name)
    criterion.batch_size, criterion.max_batches = 4, None

    def plan(index, gather, count):
        shard = Sharded(data, index, count, gather)
        made = ccm_tf.plan(model, criterion, shard, channels=0.6)
        scores = {key: ranking.scores.tobytes() for key, ranking in made.rankings.items()}
        return made.as_dict(), scores

    (alone,) = in_turn(1, lambda i, gather: plan(i, gather, 1))
    for count in (2, 4):
        for found in in_turn(count, lambda i, gather, n=count: plan(i, gather, n)):
            assert found == alone
