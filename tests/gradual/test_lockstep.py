import numpy as np
import pytest

from ccm_tf.distribute import Strategy
from ccm_tf.gradual.lockstep import Lockstep
from ccm_tf.statistics.sharded import Sharded
from tests.workers import together


class Worker(Strategy):
    def __init__(self, index, gather):
        super().__init__(2, 2, index)
        self.gather = gather


def test_all_get_what_the_chief_decides():
    def work(index, gather):
        return Lockstep(Worker(index, gather)).decided(lambda: np.array([True, False, index == 0]))

    for found in together(2, work):
        np.testing.assert_array_equal(found, [True, False, True])
        found[0] = False


def test_the_chiefs_refusal_is_everybodys():
    def decide():
        raise ValueError("no room")

    def work(index, gather):
        with pytest.raises(ValueError, match="no room"):
            Lockstep(Worker(index, gather)).decided(decide)

    together(2, work)


@pytest.mark.parametrize("other,differs", [(0.0, False), (1e-9, True)])
def test_who_differs_is_named(other, differs):
    def work(index, gather):
        arrays = [np.ones(3, bool), np.array([1.0, index * other])]
        if not differs:
            return Lockstep(Worker(index, gather)).check(arrays)
        with pytest.raises(RuntimeError, match=r"Worker\(s\) 1 mask other channels"):
            Lockstep(Worker(index, gather)).check(arrays)

    together(2, work)


def test_data_is_shared_out():
    def work(index, gather):
        data = Lockstep(Worker(index, gather)).shared(np.zeros(4))
        return isinstance(data, Sharded), data.index, data.shards

    assert together(2, work) == [(True, 0, 2), (True, 1, 2)]


def test_alone():
    alone, data = Lockstep(), np.zeros(2)
    assert alone.shared(data) is data and alone.shared(None) is None
    assert alone.decided(lambda: "kept as it is") == "kept as it is"
    alone.check([data])
