import numpy as np
import pytest

from ccm_tf.criteria.apoz import APoZ

# Two samples of two pixels and four channels; zeros: 0, 2, 4, 2 of 4.
FEATURES = np.array(
    [
        [[0.1, 0, 0, 0], [0.1, 5.0, 0, 0]],
        [[-0.1, 0, 0, 7.0], [0.1, 1.0, 0, 1.0]],
    ],
    dtype="float32",
)


def test_by_hand(observe):
    graph = observe(4, 2)
    ranking = APoZ().rank(graph, FEATURES)[0]
    # Of the two channels with equally many zeros the stronger one comes first.
    assert (ranking.order - graph.groups[0].roots[0]).tolist() == [0, 3, 1, 2]
    np.testing.assert_allclose(ranking.scores, [1, 0.5, 0.5, 0])
    np.testing.assert_allclose(ranking.level, [-1, -0.5, -0.5, 0], atol=1e-8)
    assert len(np.unique(ranking.level)) == 4


def test_normalized_by_the_largest(observe):
    ranking = APoZ(normalization="max").rank(observe(4, 2), FEATURES[:, :, [1, 2, 3, 2]])[0]
    np.testing.assert_allclose(ranking.scores, [1, 1, 0, 0])


def test_without_zeros_the_mean_activation_decides(observe):
    data = np.array([[[1.0, 3.0, 2.0]]], "float32")
    graph = observe(3, 1)
    ranking = APoZ().rank(graph, data)[0]
    assert (ranking.order - graph.groups[0].roots[0]).tolist() == [1, 2, 0]
    assert ranking.scores.tolist() == [1, 1, 1]
    assert len(np.unique(ranking.level)) == 3


def test_a_dead_group(observe):
    ranking = APoZ().rank(observe(3, 2), np.zeros((2, 2, 3), "float32"))[0]
    assert not ranking.scores.any() and ranking.cut(0.5) == 1


def test_unknown_options():
    with pytest.raises(ValueError, match="`reduction`.*'median'"):
        APoZ(reduction="median")
