import keras
import numpy as np
from keras import ops

from ccm_tf.gradual.constraint import ChannelMask


def test_slices_of_masked_roots_are_zero_whatever_they_held():
    mask = keras.Variable([1.0, 0.0, 1.0], trainable=False)
    constraint = ChannelMask(mask, ((0, np.array([0, 1])), (1, np.array([2, 1, 0, 1]))))
    value = np.array([[1, 2, 3, np.inf], [np.nan, 6, 7, 8]], "float32")
    found = ops.convert_to_numpy(constraint(keras.Variable(value)))
    np.testing.assert_array_equal(found, [[1, 0, 3, 0], [0, 0, 0, 0]])
    mask.assign([1.0, 1.0, 1.0])
    np.testing.assert_array_equal(ops.convert_to_numpy(constraint(keras.Variable(value))), value)


def test_the_other_constraint_comes_first():
    mask = keras.Variable([0.0, 1.0], trainable=False)
    constraint = ChannelMask(mask, ((0, np.array([0, 1])),), inner=lambda value: value + 1)
    np.testing.assert_array_equal(ops.convert_to_numpy(constraint(ops.zeros((2,)))), [0, 1])
