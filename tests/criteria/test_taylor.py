import keras
import numpy as np
import pytest

from ccm_tf.criteria.taylor import Taylor
from ccm_tf.graph import ChannelGraph
from ccm_tf.plan import plan
from tests import zoo
from tests.criteria.test_fisher import FEATURES, KERNEL, LABELS, derivatives


@pytest.fixture
def graph(observe):
    made = observe(2, 2)
    made.model.get_layer("logits").set_weights([KERNEL, np.zeros(2)])
    return made


def by_channel(graph, ranking):
    scores = np.empty(len(ranking))
    scores[ranking.order - graph.groups[0].roots[0]] = ranking.scores
    return scores


def test_features_mean_of_absolute_values_of_samples(graph):
    ranking = Taylor().rank(graph, (FEATURES, LABELS))[0]
    expected = np.abs(derivatives()).mean(axis=0)
    np.testing.assert_allclose(by_channel(graph, ranking), expected, rtol=1e-5)
    np.testing.assert_array_equal(ranking.level, -ranking.scores)


def test_weights_absolute_value_of_the_batch(graph):
    # The layer is linear without bias: weights times their gradients are outputs times theirs.
    ranking = Taylor(of="weights").rank(graph, (FEATURES, LABELS))[0]
    expected = np.abs(derivatives().mean(axis=0))
    np.testing.assert_allclose(by_channel(graph, ranking), expected, rtol=1e-5)
    single = Taylor(of="weights", batch_size=1).rank(graph, (FEATURES, LABELS))[0]
    expected = np.abs(derivatives()).mean(axis=0)
    np.testing.assert_allclose(by_channel(graph, single), expected, rtol=1e-5)


def test_a_small_last_batch_has_its_own_weight(graph):
    features, labels = np.concatenate([FEATURES, FEATURES[:1]]), np.array([1, 0, 1])
    ranking = Taylor(of="weights", batch_size=2).rank(graph, (features, labels))[0]
    one = derivatives()
    expected = (2 * np.abs(one.mean(axis=0)) + np.abs(one[0])) / 3
    np.testing.assert_allclose(by_channel(graph, ranking), expected, rtol=1e-5)


def test_weights_of_all_tied_layers_count_with_their_biases():
    inputs = keras.Input((3,))
    x = keras.layers.Dense(2, name="one")(inputs)
    y = keras.layers.Dense(2, name="two")(inputs)
    x = keras.layers.Dense(2, name="logits")(keras.layers.Add()([x, y]))
    model = zoo.randomise(keras.Model(inputs, x))
    features, labels = zoo.inputs_for(model, batch=4), np.array([0, 1, 1, 0])
    ranking = Taylor(of="weights").rank(ChannelGraph(model), (features, labels))[0]
    # Both layers are linear, so their sum times its gradient says it all.
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    total = sum(features @ weights[n][0] + weights[n][1] for n in ("one", "two"))
    logits = total @ weights["logits"][0] + weights["logits"][1]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gradient = (p - np.eye(2)[labels]) @ weights["logits"][0].T
    expected = np.abs((total * gradient).mean(axis=0))
    np.testing.assert_allclose(ranking.scores, np.sort(expected)[::-1], rtol=1e-4)


@pytest.mark.parametrize("make", [zoo.transformer, zoo.nested, zoo.shared])
def test_weights_rank_what_no_feature_map_shows(make):
    model = zoo.randomise(make())
    graph = ChannelGraph(model)
    data = zoo.inputs_for(model, batch=3), zoo.labels_for(model, batch=3)
    rankings = Taylor(of="weights").rank(graph, data)
    free = {g.index: len(g.roots) for g in graph.groups if len(g.roots)}
    assert {index: len(ranking) for index, ranking in rankings.items()} == free
    assert all(ranking.scores.any() for ranking in rankings.values())


def test_weights_are_left_alone_and_recurrent_units_ranked():
    inputs = keras.Input((6, 3))
    x = keras.layers.LSTM(4, name="cells")(inputs)
    model = zoo.randomise(keras.Model(inputs, keras.layers.Dense(2, name="logits")(x)))
    before = model.get_weights()
    data = zoo.inputs_for(model, batch=3), np.array([0, 1, 1])
    made = plan(model, Taylor(of="weights"), data, energy=0.5)
    assert 1 <= len(made.kept["cells"]) < 4
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_unknown_place():
    with pytest.raises(ValueError, match="`of`.*'features', 'weights'.*'biases'"):
        Taylor(of="biases")
