import keras
import numpy as np
import pytest

from ccm_tf.criteria.geometric_median import GeometricMedian, distance_sums
from ccm_tf.graph import ChannelGraph


def graph_of(*kernels):
    inputs = keras.Input((4, 4, kernels[0].shape[0]))
    x = inputs
    for number, kernel in enumerate(kernels):
        x = keras.layers.Conv2D(kernel.shape[1], 1, name=f"conv{number}")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    for number, kernel in enumerate(kernels):
        layer = model.get_layer(f"conv{number}")
        layer.set_weights([kernel[None, None], np.full(kernel.shape[1], 9.0)])
    return ChannelGraph(model)


# Kernels (0, 0), (3, 4), (6, 8), (6, 8) as columns.
KERNEL = np.array([[0.0, 3.0, 6.0, 6.0], [0.0, 4.0, 8.0, 8.0]])
SUMS = np.array([25.0, 15.0, 15.0, 15.0])


def test_distance_sums():
    np.testing.assert_allclose(distance_sums(KERNEL.T), SUMS)


def test_distance_sums_are_those_of_the_definition():
    rows = np.random.default_rng(0).normal(3, 1, (7, 20))
    direct = np.linalg.norm(rows[:, None] - rows[None], axis=2).sum(axis=1)
    np.testing.assert_allclose(distance_sums(rows), direct, rtol=1e-10)


def test_equal_kernels_have_no_distance():
    assert not distance_sums(np.tile(np.random.default_rng(0).normal(size=30), (5, 1))).any()


def test_the_kernel_in_the_middle_goes_first():
    kernel = np.array([[0.0, 10.0, 4.9, 5.1, -30.0]])
    graph = graph_of(kernel)
    ranking = GeometricMedian().rank(graph)[0]
    order = (ranking.order - graph.groups[0].roots[0]).tolist()
    assert order[0] == 4 and order[-1] == 2
    sums = np.abs(kernel[0][:, None] - kernel[0]).sum(axis=1)
    np.testing.assert_allclose(ranking.scores, np.sort(sums / sums.mean())[::-1])
    np.testing.assert_array_equal(ranking.level, -ranking.scores)


def test_layers_compare_whatever_their_scale():
    graph = graph_of(KERNEL, 1000 * np.eye(4)[:, :3])
    rankings = GeometricMedian().rank(graph)
    np.testing.assert_allclose(rankings[0].scores, SUMS / SUMS.mean())
    np.testing.assert_allclose(rankings[1].scores, np.ones(3))
    raw = GeometricMedian(normalization="none").rank(graph)
    np.testing.assert_allclose(raw[1].scores, np.full(3, 2000 * np.sqrt(2)))


@pytest.mark.parametrize("reduction", ["mean", "sum", "max"])
def test_tied_layers(reduction):
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(3, 1, use_bias=False, name="stem")(inputs)
    y = keras.layers.Conv2D(3, 1, use_bias=False, name="branch")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()([x, y]))
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    stem, branch = np.array([[0.0, 1.0, 5.0]]), np.diag([0.0, 3.0, 4.0])
    model.get_layer("stem").set_weights([stem[None, None]])
    model.get_layer("branch").set_weights([branch[None, None]])
    ranking = GeometricMedian(reduction=reduction, normalization="none").rank(ChannelGraph(model))
    # Distances 1, 5, 4 in the first and 3, 4, 5 in the second layer.
    both = np.array([[6.0, 5.0, 9.0], [7.0, 8.0, 9.0]])
    expected = getattr(np, reduction)(both, axis=0)
    np.testing.assert_allclose(ranking[0].scores, np.sort(expected)[::-1])


@pytest.mark.parametrize("argument", ["reduction", "normalization"])
def test_unknown_options(argument):
    with pytest.raises(ValueError, match=f"`{argument}`.*'median'"):
        GeometricMedian(**{argument: "median"})
