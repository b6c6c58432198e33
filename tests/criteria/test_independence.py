import keras
import numpy as np
import pytest

from ccm_tf.criteria import Independence
from ccm_tf.graph import ChannelGraph
from ccm_tf.statistics.nuclear_norm import nuclear_norm_drop
from tests import zoo

C1 = [[1, 0, 0, 0], [1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 0]]
C2 = [[1, 2, 3, 4], [1, 2, 3, 4], [4, 3, 2, 1], [1, 0, 0, 1]]


def rank(observe, data, **options):
    graph = observe(data.shape[2], data.shape[1])
    ranking = Independence(**options).rank(graph, data)[0]
    return ranking, ranking.order - graph.groups[0].roots[0]


def rows(vectors):
    return np.array(vectors, "float32").T[None]


def by_channel(ranking, order):
    scores = np.empty(len(order))
    scores[order] = ranking.scores
    return scores


def test_spec_c1(observe):
    ranking, order = rank(observe, rows(C1))
    np.testing.assert_allclose(by_channel(ranking, order), [0.414214, 0.414214, 2, 3], atol=1e-6)
    kept = {e: set(order[: ranking.cut(e)].tolist()) for e in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)}
    assert kept[0.5] == {3}
    assert kept[0.6] == kept[0.7] == kept[0.8] == {2, 3}
    assert kept[0.9] in ({0, 2, 3}, {1, 2, 3})
    assert kept[1.0] == {0, 1, 2, 3}


def test_spec_c2(observe):
    ranking, order = rank(observe, rows(C2))
    np.testing.assert_allclose(
        by_channel(ranking, order), [2.136986, 2.136986, 4.558872, 1.052807], atol=1e-6
    )
    assert [ranking.cut(e) for e in (0.5, 0.6, 0.7, 0.8, 0.9)] == [2, 2, 3, 3, 4]


def test_spec_c4(observe, t6):
    ranking, order = rank(observe, t6, decimals=4)
    np.testing.assert_allclose(
        by_channel(ranking, order), [1.848272, 1.552230, 1.834291, 1.739850, 1.836952], atol=2e-6
    )
    shares = np.cumsum(ranking.scores) / ranking.scores.sum()
    np.testing.assert_allclose(shares, [0.209755, 0.418224, 0.626392, 0.823842, 1], atol=1e-6)
    kept = {e: set(order[: ranking.cut(e)].tolist()) for e in (0.6, 0.7, 0.8, 0.9)}
    assert kept[0.6] == {0, 2, 4}
    assert kept[0.7] == kept[0.8] == {0, 2, 3, 4}
    assert kept[0.9] == {0, 1, 2, 3, 4}


def test_rounding_matters_little_but_does(observe, t6):
    rounded, _ = rank(observe, t6, decimals=4)
    exact, _ = rank(observe, t6)
    difference = np.abs(rounded.scores - exact.scores).max()
    assert 1e-9 < difference < 1e-3


@pytest.mark.parametrize(("reference", "kept"), [(False, 1), (True, 4)])
def test_dead_group(observe, reference, kept):
    ranking, _ = rank(observe, np.zeros((3, 4, 4), "float32"), reference=reference)
    assert ranking.cut(0.5) == kept
    assert np.count_nonzero(ranking.level <= 0.5) == kept


def test_reference_changes_living_groups_in_nothing(observe, t6):
    one, _ = rank(observe, t6)
    other, _ = rank(observe, t6, reference=True)
    np.testing.assert_array_equal(one.level, other.level)


def test_mean_over_images_not_over_batches(observe, t6):
    one, order = rank(observe, t6)
    other, same = rank(observe, t6, batch_size=2)
    np.testing.assert_array_equal(order, same)
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-6)


def test_maps_without_pixels_and_streams():
    model = zoo.residual()
    zoo.randomise(model)
    graph = ChannelGraph(model)
    images = zoo.inputs_for(model, batch=5)
    rankings = Independence().rank(graph, images)
    for group in graph.groups:
        if not len(group.roots):
            continue
        expected = 0
        for feature_map in group.feature_maps:
            part = keras.Model(model.input, model.get_layer(feature_map.layer).output)
            features = np.asarray(part(images))
            matrices = features.reshape(5, -1, features.shape[-1]).transpose(0, 2, 1)
            expected = expected + nuclear_norm_drop(matrices).mean(axis=0)
        np.testing.assert_allclose(
            np.sort(rankings[group.index].scores), np.sort(expected), rtol=1e-4, atol=1e-5
        )


def test_dense_features_are_one_column():
    model = zoo.chain()
    zoo.randomise(model)
    graph = ChannelGraph(model)
    images = zoo.inputs_for(model, batch=4)
    hidden = next(g for g in graph.groups if g.name == "hidden")
    ranking = Independence().rank(graph, images)[hidden.index]
    part = keras.Model(model.input, model.get_layer(hidden.feature_maps[0].layer).output)
    features = np.asarray(part(images)).astype("float64")
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    expected = np.mean(norm - np.sqrt(norm**2 - features**2), axis=0)
    np.testing.assert_allclose(ranking.scores, np.sort(expected)[::-1], rtol=1e-3, atol=1e-6)
