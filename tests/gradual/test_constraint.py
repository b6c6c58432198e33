import keras
import numpy as np
from keras import ops

from ccm_tf.gradual.constraint import ChannelDecay, ChannelMask, without_ours


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


class Optimizer:
    learning_rate = 0.5


def test_penalised_channels_shrink_by_the_proximal_step():
    penalty = keras.Variable([0.0, 2.0, 6.0], trainable=False)
    decay = ChannelDecay(penalty, Optimizer(), ((0, np.array([0, 1])), (1, np.array([0, 2]))))
    found = ops.convert_to_numpy(decay(keras.Variable([[8.0, 8.0], [8.0, 8.0]])))
    np.testing.assert_allclose(found, [[8, 2], [4, 1]])


def test_ours_can_be_told_from_theirs():
    theirs = keras.constraints.NonNeg()
    mask = ChannelMask(keras.Variable([1.0]), (), theirs)
    assert without_ours(ChannelDecay(None, None, (), mask)) is theirs
    assert without_ours(ChannelMask(None, ())) is None
    assert without_ours(theirs) is theirs
