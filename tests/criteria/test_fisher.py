import numpy as np
import pytest

from ccm_tf.criteria.fisher import Fisher

# Two samples of two pixels and two channels, and what the logits make of their means.
FEATURES = np.array([[[1.0, 4.0], [3.0, 0.0]], [[0.0, 1.0], [2.0, 1.0]]], "float32")
MEANS = FEATURES.mean(axis=1)
KERNEL = np.array([[1.0, -1.0], [0.5, 0.0]], "float32")
LABELS = np.array([1, 0])


def derivatives():
    """Per sample and channel: mean activation times the derivative of the cross-entropy."""
    logits = MEANS @ KERNEL
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return MEANS * ((p - np.eye(2)[LABELS]) @ KERNEL.T)


@pytest.fixture
def graph(observe):
    made = observe(2, 2)
    made.model.get_layer("logits").set_weights([KERNEL, np.zeros(2)])
    return made


def test_half_the_mean_square(graph):
    ranking = Fisher().rank(graph, (FEATURES, LABELS))[0]
    expected = np.mean(derivatives() ** 2, axis=0) / 2
    assert (ranking.order - graph.groups[0].roots[0]).tolist() == np.argsort(-expected).tolist()
    np.testing.assert_allclose(ranking.scores, np.sort(expected)[::-1], rtol=1e-5)
    np.testing.assert_array_equal(ranking.level, -ranking.scores)


def test_with_another_loss(graph):
    targets = np.array([[0.0, 1.0], [2.0, 0.0]], "float32")
    ranking = Fisher(loss="mean_squared_error").rank(graph, (FEATURES, targets))[0]
    gradient = MEANS @ KERNEL - targets  # 2 / 2 units
    expected = np.mean((MEANS * (gradient @ KERNEL.T)) ** 2, axis=0) / 2
    np.testing.assert_allclose(ranking.scores, np.sort(expected)[::-1], rtol=1e-5)


def test_a_dead_channel_scores_nothing(graph):
    ranking = Fisher().rank(graph, (FEATURES * [1, 0], LABELS))[0]
    assert ranking.scores[-1] == 0 < ranking.scores[0]
