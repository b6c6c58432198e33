import numpy as np
import pytest

from ccm_tf.criteria.correlation import Correlation, eliminate, explained_by_prefixes
from ccm_tf.graph import ChannelGraph
from tests import zoo


def direct(matrix):
    """Backward elimination with a fresh inverse at every step."""
    left, order, unexplained = list(range(len(matrix))), [], []
    while left:
        residual = 1 / np.diag(np.linalg.inv(matrix[np.ix_(left, left)]))
        place = int(np.argmin(residual))
        order.append(left.pop(place))
        unexplained.append(residual[place])
    return order, unexplained


@pytest.mark.parametrize("size", [1, 2, 30])
def test_elimination_is_that_of_the_definition(size):
    data = np.random.default_rng(size).normal(size=(100, size))
    matrix = np.cov((data @ (np.eye(size) + 0.3)).T).reshape(size, size)
    order, unexplained = eliminate(matrix)
    expected, residuals = direct(matrix)
    assert order.tolist() == expected
    np.testing.assert_allclose(unexplained, residuals, rtol=1e-6)


def test_three_channels_by_hand():
    # Channels 0 and 1 correlate by 0.6, channel 2 with nobody.
    matrix = np.array([[1.0, 0.6, 0], [0.6, 1, 0], [0, 0, 1]])
    order, unexplained = eliminate(matrix)
    assert order.tolist() == [1, 2, 0]
    np.testing.assert_allclose(unexplained, [1 - 0.36, 1, 1], rtol=1e-6)


def test_duplicates_combinations_and_dead_channels_go_first():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(500, 4))
    data = np.column_stack([base, base[:, 0], base[:, 0], base[:, 1] - base[:, 2], np.zeros(500)])
    order, unexplained = eliminate(np.cov(data.T, bias=True))
    assert order[0] == 7
    assert set(order[1:4].tolist()) & {0, 4, 5} and set(order[1:4].tolist()) & {1, 2, 6}
    assert unexplained[:4].tolist() == [0] * 4
    assert np.all(unexplained[4:] > 0.5)


@pytest.mark.parametrize("copies", [2, 40])
def test_exact_duplicates_leave_one_of_each(copies):
    base = np.random.default_rng(1).normal(size=(1000, 6))
    data = np.tile(base, copies)
    order, unexplained = eliminate(np.corrcoef(data.T))
    assert not unexplained[:-6].any()
    # The lowest place of each survives.
    assert sorted(order[-6:].tolist()) == list(range(6))
    np.testing.assert_allclose(unexplained[-6:], direct(np.corrcoef(base.T))[1], rtol=1e-3)


def test_fewer_samples_than_channels():
    data = np.random.default_rng(2).normal(size=(9, 20))
    _, unexplained = eliminate(np.corrcoef(data.T))
    assert not unexplained[:12].any() and np.all(unexplained[12:] > 0)


def test_nothing_varies():
    order, unexplained = eliminate(np.zeros((3, 3)))
    assert order.tolist() == [2, 1, 0] and not unexplained.any()
    np.testing.assert_array_equal(explained_by_prefixes(np.zeros((3, 3)), order), 1)


def test_explained_is_that_of_regression():
    data = np.random.default_rng(3).normal(size=(200, 5)) @ (np.eye(5) + 0.5)
    data -= data.mean(axis=0)
    order = np.array([3, 0, 4, 1, 2])
    explained = explained_by_prefixes(np.cov(data.T), order)
    for count in range(1, 6):
        kept = data[:, order[:count]]
        rest = data - kept @ np.linalg.lstsq(kept, data, rcond=None)[0]
        assert explained[count - 1] == pytest.approx(1 - np.sum(rest**2) / np.sum(data**2))


def test_criterion_on_features(observe):
    rng = np.random.default_rng(4)
    base = rng.normal(size=(8, 30, 3))
    data = np.concatenate([base, 2 * base[..., :1] + 1], axis=2).astype("float32")
    graph = observe(4, 30)
    ranking = Correlation().rank(graph, data)[0]
    order = (ranking.order - graph.groups[0].roots[0]).tolist()
    assert order[-1] in (0, 3) and ranking.scores[-1] == pytest.approx(0, abs=1e-5)
    np.testing.assert_array_equal(ranking.level, -ranking.scores)
    # Three channels explain everything, so any energy below one is had with three.
    assert ranking.cut(0.9999) == 3 and ranking.cut(1.0) == 4
    np.testing.assert_allclose(ranking.details["explained"][2:], 1, atol=1e-5)


def test_covariance_lets_weak_channels_go(observe):
    data = np.random.default_rng(5).normal(size=(8, 30, 3)) * [1, 0.01, 2]
    graph = observe(3, 30)
    ranking = Correlation(matrix="covariance").rank(graph, data.astype("float32"))[0]
    assert (ranking.order - graph.groups[0].roots[0]).tolist() == [2, 0, 1]
    # In units of the mean variance, so that layers compare.
    again = Correlation(matrix="covariance").rank(graph, (100 * data).astype("float32"))[0]
    np.testing.assert_allclose(ranking.scores, again.scores, rtol=1e-3)
    assert 1 < ranking.scores[0] < 3


def test_streams_have_one_matrix():
    model = zoo.randomise(zoo.residual())
    graph = ChannelGraph(model)
    rankings = Correlation().rank(graph, zoo.inputs_for(model, batch=4))
    group = next(g for g in graph.groups if g.name == "stem")
    assert len(rankings[group.index]) == 4
    assert np.all(rankings[group.index].scores <= 1 + 1e-9)
