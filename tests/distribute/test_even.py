import keras
import numpy as np
import pytest

from ccm_tf.distribute.even import EvenBatches
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
