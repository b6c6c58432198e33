import numpy as np
import pytest

from ccm_tf.criteria.activation_mean import ActivationMean
from ccm_tf.graph import ChannelGraph
from tests import zoo

# Two samples of two pixels and three channels; mean absolute values 2, 1.5, 0.
FEATURES = np.array([[[1.0, 0, 0], [-3.0, 0, 0]], [[2.0, 3.0, 0], [2.0, 3.0, 0]]], dtype="float32")


@pytest.mark.parametrize(
    ("normalization", "expected"),
    [("mean", [12 / 7, 9 / 7, 0]), ("max", [1, 0.75, 0]), ("none", [2, 1.5, 0])],
)
def test_by_hand(observe, normalization, expected):
    graph = observe(3, 2)
    ranking = ActivationMean(normalization=normalization).rank(graph, FEATURES)[0]
    assert (ranking.order - graph.groups[0].roots[0]).tolist() == [0, 1, 2]
    np.testing.assert_allclose(ranking.scores, expected)
    np.testing.assert_array_equal(ranking.level, -ranking.scores)


def test_mean_over_samples_not_over_batches(observe):
    graph, data = observe(3, 2), np.concatenate([FEATURES, 5 * FEATURES[:1]])
    one = ActivationMean(normalization="none").rank(graph, data)[0]
    other = ActivationMean(normalization="none", batch_size=2).rank(graph, data)[0]
    np.testing.assert_allclose(one.scores, other.scores)
    np.testing.assert_allclose(one.scores, [14 / 3, 1, 0])


def test_a_stream_is_seen_in_several_maps():
    model = zoo.residual()
    graph = ChannelGraph(model)
    group = next(g for g in graph.groups if g.name == "stem")
    assert len(group.feature_maps) == 3
    data = zoo.inputs_for(model)
    mean, total, largest = (
        ActivationMean(reduction=how).rank(graph, data)[group.index].scores
        for how in ("mean", "sum", "max")
    )
    np.testing.assert_allclose(total, 3 * mean)
    assert np.all(largest >= mean - 1e-12) and np.all(largest <= total)
