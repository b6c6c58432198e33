import keras
import numpy as np
import pytest

from ccm_tf.distribute.even import EvenBatches, for_evaluation
from ccm_tf.distribute.feed import ArrayBatches


@pytest.mark.parametrize("samples,left", [(10, [4, 4, 2]), (9, [4, 4]), (11, [4, 4, 2])])
def test_batches_are_multiples(samples, left):
    data = ArrayBatches((np.arange(samples), {"y": np.arange(samples)}), 4, None)
    found = EvenBatches(data, 2)
    assert [len(found[i][0]) for i in range(len(found))] == left
    for x, y in (found[i] for i in range(len(found))):
        np.testing.assert_array_equal(x, y["y"])


def test_epochs_are_passed_on():
    class Told(keras.utils.PyDataset):
        told = ()

        def __len__(self):
            return 1

        def __getitem__(self, index):
            return (np.zeros(2),)

        def on_epoch_begin(self):
            self.told += ("begin",)

        def on_epoch_end(self):
            self.told += ("end",)

    data = Told()
    even = EvenBatches(data, 2)
    even.on_epoch_begin()
    even.on_epoch_end()
    assert data.told == ("begin", "end")


@pytest.mark.parametrize(
    "samples,replicas,left",
    # Of a batch of 5, four replicas get 2, 2, 1 and 0; of one of 6 they get 2, 2, 2 and 0.
    [(21, 4, 20), (22, 4, 20), (23, 4, 23), (17, 2, 16), (19, 2, 19), (16, 4, 16)],
)
def test_samples_are_left_out_of_an_evaluation_only_where_somebody_gets_none(
    samples, replicas, left
):
    arrays = np.zeros((samples, 2)), np.zeros(samples)
    for data in (arrays, ArrayBatches(arrays, 8, None)):
        found = for_evaluation(data, replicas, 8)
        if left == samples:
            assert found is data
        else:
            assert sum(len(found[index][0]) for index in range(len(found))) == left


def test_other_data_of_an_evaluation_stay_as_they_are():
    stream = iter(())
    assert for_evaluation(stream, 2) is stream and for_evaluation(None, 2) is None
