import keras
import numpy as np
import pytest

from ccm_tf.statistics.batches import batch_count, batches, sample_count
from ccm_tf.statistics.sharded import LANES, Sharded


def shares(source, count, **options):
    """Numbers of the batches of every worker, and the batches."""
    found = []
    for index in range(count):
        share = Sharded(source, index, count, lambda payload: [payload] * count).share()
        read = list(batches(share, **options))
        found.append((share.taken, read))
    return found


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
def test_every_batch_is_read_by_one_worker(count):
    x = np.arange(20 * 2).reshape(20, 2)
    found = shares(x, count, batch_size=1)
    assert sorted(n for taken, _ in found for n in taken) == list(range(20))
    for taken, read in found:
        assert [int(batch[0, 0]) // 2 for batch in read] == taken
        assert len({n % LANES % count for n in taken}) == 1


def test_workers_beyond_the_lanes_have_nothing_to_do():
    found = shares(np.zeros((40, 1)), 10, batch_size=1)
    assert [len(taken) for taken, _ in found] == [5] * 8 + [0, 0]


def test_the_short_last_batch_goes_to_somebody_who_had_a_full_one():
    for rows in range(2, 30):
        for taken, read in shares(np.zeros((rows, 1)), 4, batch_size=4):
            if read and rows > 4:
                assert len(read[0]) == 4, (rows, taken)


def test_max_batches_counts_those_of_all_workers():
    found = shares(np.zeros((20, 1)), 2, batch_size=2, max_batches=3)
    assert [taken for taken, _ in found] == [[0, 2], [1]]


def test_others_batches_of_a_py_dataset_are_not_read():
    class Counting(keras.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.read = []

        def __len__(self):
            return 6

        def __getitem__(self, index):
            self.read.append(index)
            return np.full((2, 1), index), np.zeros(2)

    data = Counting()
    share = Sharded(data, 1, 2, lambda payload: [payload] * 2).share()
    assert [int(x[0, 0]) for x, _ in batches(share, labels=True)] == [1, 3, 5] == data.read


def test_as_plain_data_it_is_all_of_it():
    data = Sharded(np.zeros((10, 1)), 1, 2, lambda payload: [payload] * 2)
    assert len(list(batches(data, batch_size=2))) == 5
    assert batch_count(data, 2) == 5 == batch_count(data.share(), 2)
    assert sample_count(data, 2) == 10


def test_how_many_batches_of_others_came_before_each():
    share = Sharded(np.zeros((19, 1)), 1, 2, lambda payload: [payload] * 2).share()
    assert share.passed_over == 0
    seen = []
    for _ in batches(share, batch_size=1):
        seen.append(share.passed_over)
    assert share.taken == [1, 3, 5, 7, 9, 11, 13, 15, 17] and seen == [1] * 9


def test_bad_arguments():
    with pytest.raises(ValueError, match="index < shards. Received: index=2, shards=2"):
        Sharded([], 2, 2)
    with pytest.raises(ValueError, match="need a `gather`"):
        Sharded([], 0, 2)
