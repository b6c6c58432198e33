import numpy as np
import pytest

from ccm_tf.distribute.feed import ArrayBatches, part


def test_order_depends_on_seed_and_epoch_alone():
    def epochs(data):
        found = []
        for _ in range(2):
            found.append(np.concatenate([data[i][0] for i in range(len(data))]))
            data.on_epoch_end()
        return found

    first, second = epochs(ArrayBatches((np.arange(10),), 4, 3))
    assert sorted(first) == list(range(10)) and not np.array_equal(first, second)
    np.testing.assert_array_equal(epochs(ArrayBatches((np.arange(10),), 4, 3, epoch=1))[0], second)
    np.testing.assert_array_equal(epochs(ArrayBatches((np.arange(10),), 4, None))[1], np.arange(10))


@pytest.mark.parametrize("rows", [1, 2, 5, 8])
def test_parts_make_up_the_batch(rows):
    batch = (np.arange(rows), [np.arange(rows)])
    dealt = [part(batch, replica, 3, equal=False) for replica in range(3)]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in dealt]), np.arange(rows))
    assert max(len(x) for x, _ in dealt) - min(len(x) for x, _ in dealt) <= 1
    equal = [part(batch, replica, 3, equal=True) for replica in range(3)]
    assert {len(x) for x, _ in equal} == {rows // 3}
    assert isinstance(equal[0][1], tuple)
