import keras
import numpy as np
import pytest

from ccm_tf.criteria import Magnitude
from ccm_tf.graph import ChannelGraph


def two_layers():
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.Conv2D(3, 1, name="one")(inputs)
    x = keras.layers.Conv2D(2, 1, name="two")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    kernel = np.array([[3.0, 0.0, 1.0], [4.0, 0.0, 0.0]])
    # The bias is huge and must not count.
    model.get_layer("one").set_weights([kernel[None, None], np.full(3, 100.0)])
    kernel = 1000 * np.array([[1.0, 2.0], [0.0, 2.0], [0.0, 2.0]])
    model.get_layer("two").set_weights([kernel[None, None], np.zeros(2)])
    return ChannelGraph(model)


@pytest.mark.parametrize(
    ("norm", "one", "two"),
    [("l2", [5, 1, 0], [np.sqrt(12), 1]), ("l1", [7, 1, 0], [6, 1])],
)
def test_norms_divided_by_the_layers_mean(norm, one, two):
    graph = two_layers()
    rankings = Magnitude(norm=norm).rank(graph)
    np.testing.assert_allclose(rankings[0].scores, np.array(one) / np.mean(one))
    np.testing.assert_allclose(rankings[1].scores, np.array(two) / np.mean(two))
    assert (rankings[0].order - graph.groups[0].roots[0]).tolist() == [0, 2, 1]
    assert (rankings[1].order - graph.groups[1].roots[0]).tolist() == [1, 0]


def test_level_is_minus_the_score():
    rankings = Magnitude().rank(two_layers())
    np.testing.assert_array_equal(rankings[0].level, -rankings[0].scores)


def test_coupled_layers_share_the_mean():
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(2, 1, use_bias=False, name="stem")(inputs)
    y = keras.layers.Conv2D(2, 1, use_bias=False, name="branch")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()([x, y]))
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    model.get_layer("stem").set_weights([np.array([1.0, 3.0]).reshape(1, 1, 1, 2)])
    model.get_layer("branch").set_weights([np.diag([30.0, 10.0])[None, None]])
    ranking = Magnitude().rank(ChannelGraph(model))[0]
    np.testing.assert_allclose(ranking.scores, [(0.5 + 1.5) / 2, (1.5 + 0.5) / 2])


def test_repeated_units_share_the_mean():
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.Conv2D(4, 1, use_bias=False, name="before")(inputs)
    x = keras.layers.Conv2D(4, 1, groups=2, use_bias=False, name="grouped")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    kernel = np.array([[1.0, 2.0, 3.0, 0.0], [0.0, 0.0, 0.0, 2.0]])
    model.get_layer("grouped").set_weights([kernel[None, None]])
    graph = ChannelGraph(model)
    group = next(g for g in graph.groups if g.name == "grouped")
    occurs = {int(r): np.flatnonzero(group.producers[0].roots == r) for r in group.roots}
    scores = np.array([1, 2, 3, 2]) / 2
    ranking = Magnitude().rank(graph)[group.index]
    for root, score in zip(ranking.order, ranking.scores, strict=True):
        assert score == pytest.approx(scores[occurs[int(root)]].mean())


def test_all_zero_kernels_are_no_error():
    graph = two_layers()
    layer = graph.model.get_layer("one")
    layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    ranking = Magnitude().rank(graph)[0]
    assert not ranking.scores.any() and ranking.cut(0.5) == 1


def test_unknown_norm():
    with pytest.raises(ValueError, match="'l1', 'l2'.*'max'"):
        Magnitude(norm="max")


def tied():
    """Two layers that make the same two channels, of norms (1, 3) and (30, 10)."""
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(2, 1, use_bias=False, name="stem")(inputs)
    y = keras.layers.Conv2D(2, 1, use_bias=False, name="branch")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()([x, y]))
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    model.get_layer("stem").set_weights([np.array([1.0, 3.0]).reshape(1, 1, 1, 2)])
    model.get_layer("branch").set_weights([np.diag([30.0, 10.0])[None, None]])
    return ChannelGraph(model)


@pytest.mark.parametrize(
    ("reduction", "normalization", "expected"),
    [
        ("mean", "none", [31 / 2, 13 / 2]),
        ("sum", "none", [31, 13]),
        ("max", "none", [30, 10]),
        ("sum", "max", [1 / 3 + 1, 1 + 1 / 3]),
        ("max", "mean", [1.5, 1.5]),
    ],
)
def test_reductions_and_normalizations(reduction, normalization, expected):
    graph = tied()
    made = Magnitude(reduction=reduction, normalization=normalization)
    np.testing.assert_allclose(made.scores(graph, graph.groups[0]), expected)


def test_heads_and_recurrent_units_are_ranked():
    inputs = keras.Input((6, 3))
    x = keras.layers.LSTM(4, name="cells")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))
    kernel, recurrent, bias = model.get_layer("cells").get_weights()
    weak = np.tile(np.arange(4) == 2, 4)
    model.get_layer("cells").set_weights([kernel * ~weak, recurrent * ~weak, bias])
    graph = ChannelGraph(model)
    ranking = Magnitude().rank(graph)[0]
    assert ranking.order[-1] == graph.groups[0].roots[2]
    assert ranking.scores[-1] == 0 < ranking.scores[-2]


@pytest.mark.parametrize("argument", ["reduction", "normalization"])
def test_unknown_options(argument):
    with pytest.raises(ValueError, match=f"`{argument}`.*'median'"):
        Magnitude(**{argument: "median"})
