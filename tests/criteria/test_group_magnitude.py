import keras
import numpy as np
import pytest

from ccm_tf.criteria import GroupMagnitude
from ccm_tf.graph import ChannelGraph
from tests import zoo


def scaled(gamma):
    """Two channels that are made, scaled and read; a bias that must not count."""
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.Conv2D(2, 1, name="make")(inputs)
    x = keras.layers.BatchNormalization(name="scale")(x)
    x = keras.layers.Conv2D(3, 1, use_bias=False, name="read")(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    kernel = np.array([[1.0, -3.0], [2.0, 0.0]])
    model.get_layer("make").set_weights([kernel[None, None], np.full(2, 100.0)])
    statistics = [np.full(2, 50.0), np.full(2, 60.0), np.full(2, 70.0)]
    model.get_layer("scale").set_weights([np.array(gamma), *statistics])
    kernel = np.array([[2.0, -2.0, 1.0], [1.0, 0.0, 0.0]])
    model.get_layer("read").set_weights([kernel[None, None]])
    return model


@pytest.mark.parametrize(
    ("norm", "totals"),
    [("l2", [1 + 4 + 9 + 4 + 4 + 1, 9 + 1 + 1]), ("l1", [1 + 2 + 3 + 2 + 2 + 1, 3 + 1 + 1])],
)
def test_all_weights_of_a_channel_by_hand(norm, totals):
    graph = ChannelGraph(scaled([3.0, -1.0]))
    (group, *_) = graph.groups
    ranking = GroupMagnitude(norm=norm).rank(graph)[group.index]
    np.testing.assert_allclose(ranking.scores, np.array(totals) / np.mean(totals))
    assert ranking.order.tolist() == group.roots.tolist()
    plain = GroupMagnitude(norm=norm, normalization="none").rank(graph)[group.index]
    np.testing.assert_allclose(plain.scores, totals)


def test_a_channel_that_is_scaled_up_moves_ahead():
    graph = ChannelGraph(scaled([0.1, 9.0]))
    (group, *_) = graph.groups
    ranking = GroupMagnitude().rank(graph)[group.index]
    assert ranking.order.tolist() == group.roots[::-1].tolist()


def test_a_kernel_between_tied_channels_counts_on_both_axes():
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(2, 1, use_bias=False, name="stem")(inputs)
    y = keras.layers.Conv2D(2, 1, use_bias=False, name="branch")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()([x, y]))
    model = keras.Model(inputs, keras.layers.Dense(1, use_bias=False, name="logits")(x))
    model.get_layer("stem").set_weights([np.array([1.0, 3.0]).reshape(1, 1, 1, 2)])
    model.get_layer("branch").set_weights([np.array([[1.0, 2.0], [0.0, 4.0]])[None, None]])
    model.get_layer("logits").set_weights([np.array([[5.0], [6.0]])])
    ranking = GroupMagnitude(normalization="none").rank(ChannelGraph(model))[0]
    # Stem, branch as input, branch as output, logits; the second channel is ahead.
    second = 9 + (0 + 16) + (4 + 16) + 36
    first = 1 + (1 + 4) + (1 + 0) + 25
    np.testing.assert_allclose(ranking.scores, [second, first])


def test_a_shared_layer_counts_once():
    model = zoo.randomise(zoo.shared())
    graph = ChannelGraph(model)
    rankings = GroupMagnitude(normalization="none").rank(graph)
    variables = {id(v): v for v in model.variables}
    most = 2 * sum(float(np.sum(np.asarray(v, "float64") ** 2)) for v in variables.values())
    assert 0 < sum(ranking.scores.sum() for ranking in rankings.values()) <= most


def test_weights_of_zero_are_no_error():
    model = scaled([0.0, 0.0])
    for name in ("make", "read"):
        layer = model.get_layer(name)
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    ranking = GroupMagnitude().rank(ChannelGraph(model))[0]
    assert (ranking.scores == 0).all()
