import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.gradual.threshold import channel_sizes, scale_channels, shrunken, threshold
from ccm_tf.graph import ChannelGraph


def dual_averaging(start, gradients, rate, strength, power):
    """gRDA as it is published, for one group: the sum of all gradients, then the threshold."""
    total, weights = start, []
    for step, gradient in enumerate(gradients, 1):
        total = total - rate * gradient
        size = np.sqrt(np.mean(total**2))
        reached = threshold(step, rate, strength, power)
        weights.append(total * max(0, 1 - reached / size))
    return weights


def test_the_threshold_by_hand():
    # 0.01 * 0.25^(0.5 + 0.75) * 16^0.75
    assert threshold(16, 0.25, 0.01, 0.75) == pytest.approx(0.01 * 2**-2.5 * 8)
    assert threshold(-3, 0.25, 0.01, 0.75) == 0


def test_factors_by_hand():
    np.testing.assert_allclose(shrunken(np.array([2.0, 0.5, 0.4, 0.0]), 0.5), [0.75, 0, 0, 0])


def test_shrinking_by_the_gain_is_dual_averaging_while_a_weight_lives():
    gradients = np.random.default_rng(0).normal(size=20)
    rate, strength, power = 0.1, 0.5, 0.6
    expected = dual_averaging(3.0, gradients, rate, strength, power)
    weight, reached = 3.0, 0.0
    for step, gradient in enumerate(gradients, 1):
        before, reached = reached, threshold(step, rate, strength, power)
        weight -= rate * gradient
        weight *= shrunken(np.array(abs(weight)), reached - before)
        assert weight == pytest.approx(expected[step - 1], abs=1e-12)
    assert weight > 0.5 and reached > 0.2


def test_several_steps_in_one_are_the_same_for_a_channel_without_gradients():
    start, arguments = np.array([1.0, -2.0, 0.5]), (0.1, 0.5, 0.6)
    still = dual_averaging(start, np.zeros((30, 3)), *arguments)
    size = np.sqrt(np.mean(still[9] ** 2))
    by = threshold(30, *arguments) - threshold(10, *arguments)
    np.testing.assert_allclose(still[9] * shrunken(size, by), still[29], atol=1e-12)


def test_sizes_and_scaling_of_channels():
    inputs = keras.Input((4,))
    x = layers.Dense(2, name="a")(inputs)
    model = keras.Model(inputs, layers.Dense(3, name="b")(x))
    first, second = model.get_layer("a"), model.get_layer("b")
    first.kernel.assign([[1, 2]] * 4)
    first.bias.assign([1, 0])
    second.kernel.assign([[1, 1, 1], [0, 0, 2]])
    graph = ChannelGraph(model)
    roots = next(p.roots for p in graph.producers if p.name == "a")
    sizes = channel_sizes(graph)[roots]
    # Four weights, a bias, and three that read it.
    np.testing.assert_allclose(sizes, [1, np.sqrt((16 + 0 + 4) / 8)])
    factors = np.ones(len(graph.labels_to_roots))
    factors[roots] = [0.5, 1]
    scale_channels(graph, factors)
    to_numpy = keras.ops.convert_to_numpy
    np.testing.assert_array_equal(to_numpy(first.kernel), [[0.5, 2]] * 4)
    np.testing.assert_array_equal(to_numpy(first.bias), [0.5, 0])
    np.testing.assert_array_equal(to_numpy(second.kernel), [[0.5, 0.5, 0.5], [0, 0, 2]])
