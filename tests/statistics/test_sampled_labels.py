import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph.trace import Trace
from ccm_tf.statistics.sampled_labels import LabelSampler


def sampler(units=3, shape=(4,), activation=None, seed=0):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, layers.Dense(units, activation=activation)(inputs))
    return LabelSampler(Trace(model), seed)


def drawn(made, outputs):
    outputs = keras.ops.convert_to_tensor(outputs)
    (labels,) = made.labels(made.numbers(len(outputs)), outputs)
    return np.asarray(labels)


def test_frequencies_are_the_probabilities():
    probabilities = np.tile(np.float32([0.2, 0.5, 0.3]), (20000, 1))
    for activation, outputs in ((None, np.log(probabilities)), ("softmax", probabilities)):
        labels = drawn(sampler(activation=activation), outputs)
        assert labels.shape == (20000,)
        np.testing.assert_allclose(np.bincount(labels) / 20000, [0.2, 0.5, 0.3], atol=0.02)


def test_binary_labels():
    labels = drawn(sampler(2, activation="sigmoid"), np.tile(np.float32([0.1, 0.7]), (9000, 1)))
    np.testing.assert_allclose(labels.mean(axis=0), [0.1, 0.7], atol=0.02)
    assert set(np.unique(labels)) == {0.0, 1.0}
    assert drawn(sampler(1), np.zeros((8, 1), "float32")).shape == (8, 1)


def test_a_label_for_every_position():
    assert drawn(sampler(3, (5, 4)), np.zeros((2, 5, 3), "float32")).shape == (2, 5)


def test_draws_do_not_depend_on_the_batches():
    one, other = sampler(), sampler()
    whole = one.numbers(5)[0]
    np.testing.assert_array_equal(whole, np.concatenate([other.numbers(2)[0], other.numbers(3)[0]]))
    assert not np.array_equal(whole, sampler(seed=1).numbers(5)[0])


def test_draws_do_not_depend_on_who_looks_at_the_samples_before():
    whole = sampler().numbers(10)[0]
    other = sampler()
    np.testing.assert_array_equal(other.numbers(3, passed_over=1)[0], whole[3:6])
    np.testing.assert_array_equal(other.numbers(1, passed_over=1)[0], whole[9:])


def test_certain_predictions():
    labels = drawn(sampler(activation="softmax"), np.eye(3, dtype="float32"))
    np.testing.assert_array_equal(labels, [0, 1, 2])


def test_clear_errors():
    with pytest.raises(ValueError, match="ends in 'relu'.*labels='empirical'"):
        sampler(activation="relu")
    with pytest.raises(ValueError, match="unknown sizes"):
        sampler(shape=(None, 4))
