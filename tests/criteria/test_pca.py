import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st

from ccm_tf.criteria import PCA
from ccm_tf.criteria.pca import select_channels
from ccm_tf.graph import ChannelGraph
from tests import zoo

T1 = [[1, 1, -1, -1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]
T2 = [[1, 2, 3, 4], [1, 2, 3, 4], [4, 3, 2, 1], [1, -1, -1, 1]]


def rows(*vectors):
    """Vectors with a row per channel as one image (1, pixels, channels)."""
    return np.array(vectors, "float32").T[None]


def rank(observe, data, **options):
    graph = observe(data.shape[2], data.shape[1])
    ranking = PCA(**options).rank(graph, data)[0]
    return ranking, ranking.order - graph.groups[0].roots[0]


def test_spec_t1(observe):
    ranking, order = rank(observe, rows(*T1))
    np.testing.assert_allclose(ranking.details["eigenvalues"], [2, 1, 1, 0], atol=1e-9)
    assert set(order[:3]) in ({0, 2, 3}, {1, 2, 3})


@pytest.mark.parametrize(("energy", "kept"), [(0.7, 1), (0.75, 2), (0.8, 2), (1.0, 4)])
def test_spec_t2(observe, energy, kept):
    ranking, order = rank(observe, rows(*T2))
    np.testing.assert_allclose(ranking.scores, [3, 1, 0, 0], atol=1e-9)
    assert ranking.cut(energy) == kept
    assert set(order[:2]) in ({0, 3}, {1, 3}, {2, 3})


def test_spec_t6(observe, t6):
    # The specification's shares are those of the batch-mean maps.
    ranking, _ = rank(observe, t6.mean(axis=0, keepdims=True))
    np.testing.assert_allclose(
        np.cumsum(ranking.scores) / 5, [0.301519, 0.580322, 0.797372, 0.942790, 1], atol=1e-6
    )


def test_identical_channels_need_one(observe):
    ranking, _ = rank(observe, rows(*[[1, 2, 3, 5]] * 4))
    assert ranking.cut(0.999) == 1
    np.testing.assert_allclose(ranking.details["explained"], 1, atol=1e-9)


def test_dead_channels_come_last_and_do_not_count(observe):
    data = np.random.default_rng(0).standard_normal((4, 9, 5)).astype("float32")
    data[..., 1], data[..., 3] = 0, 0.1
    ranking, order = rank(observe, data)
    assert set(order[-2:]) == {1, 3}
    assert ranking.scores.sum() == pytest.approx(3)
    assert ranking.cut(0.999999) == 3


def test_dead_group_keeps_one(observe):
    ranking, _ = rank(observe, np.ones((2, 4, 3), "float32"))
    assert not ranking.scores.any()
    assert ranking.cut(0.9) == 1 and ranking.cut(1.0) == 3


def test_covariance_ranks_by_variance(observe):
    data = np.random.default_rng(0).standard_normal((50, 9, 4)) * [1, 10, 0.1, 3]
    _, order = rank(observe, data.astype("float32"), matrix="covariance")
    assert order.tolist() == [1, 3, 0, 2]


def test_correlation_ignores_scale_and_shift(observe):
    data = np.random.default_rng(0).standard_normal((8, 9, 4)).astype("float32")
    data[..., 1] += 2 * data[..., 0]
    one, order = rank(observe, data)
    other, same = rank(observe, data * np.float32([1, 8, -0.25, 2]) + np.float32([0, 3, 1, -1]))
    np.testing.assert_array_equal(order, same)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


def test_batches_do_not_matter(observe):
    data = np.random.default_rng(0).standard_normal((10, 9, 4)).astype("float32")
    one, order = rank(observe, data)
    other, same = rank(observe, data, batch_size=3)
    np.testing.assert_array_equal(order, same)
    np.testing.assert_allclose(one.scores, other.scores, rtol=1e-9)


def test_few_samples(observe):
    data = np.random.default_rng(0).standard_normal((1, 3, 6)).astype("float32")
    message = "6 channels of group 'look' need at least 6.*which 2 images have .x 3.*Received: 1 im"
    with pytest.raises(ValueError, match=message):
        rank(observe, data)
    rank(observe, np.concatenate([data, 1 + data]))
    # Nobody knows the length of an iterable before it ends.
    with pytest.raises(ValueError, match="6 channels.*at least 6 samples.*Received: 3"):
        PCA().rank(observe(6, 3), [(data,)])
    with pytest.raises(ValueError, match="Received: 1 images"):
        rank(observe, np.concatenate([data, data]), batch_size=1, max_batches=1)


@pytest.mark.filterwarnings("ignore:Group:UserWarning")
def test_a_residual_stream_has_one_matrix_over_its_maps():
    model = zoo.residual()
    zoo.randomise(model)
    graph = ChannelGraph(model)
    stream = next(g for g in graph.groups if len(g.producers) > 1)
    assert len(stream.feature_maps) > 1
    images = zoo.inputs_for(model, batch=20)
    ranking = PCA().rank(graph, images)[stream.index]
    total = np.zeros((4, 4))
    for feature_map in stream.feature_maps:
        part = keras.Model(model.input, model.get_layer(feature_map.layer).output)
        features = np.asarray(part(images)).reshape(-1, 4).astype("float64")
        total += np.nan_to_num(np.corrcoef(features.T))
    scale = 1 / np.sqrt(np.diag(total))
    expected = np.linalg.eigvalsh(total * scale[:, None] * scale)[::-1]
    np.testing.assert_allclose(ranking.scores, expected, atol=1e-5)
    assert ranking.scores.sum() == pytest.approx(4)


def correlation(seed, channels, copies=0, dead=0):
    """Correlation of independent channels, copies of the first ones, and dead ones, shuffled."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((60, channels)) @ rng.standard_normal((channels, channels))
    x = np.concatenate([x, -2 * x[:, :copies]], axis=1)
    matrix = np.corrcoef(x.T).reshape(channels + copies, -1)
    size = channels + copies + dead
    full = np.zeros((size, size))
    full[: channels + copies, : channels + copies] = matrix
    order = rng.permutation(size)
    return full[np.ix_(order, order)]


@hypothesis.given(
    seed=st.integers(0, 10_000),
    channels=st.integers(1, 6),
    copies=st.integers(0, 6),
    dead=st.integers(0, 3),
)
def test_duplicates_are_never_chosen_while_something_is_unexplained(seed, channels, copies, dead):
    matrix = correlation(seed, channels, min(copies, channels), dead)
    order, explained = select_channels(matrix)
    np.testing.assert_array_equal(np.sort(order), np.arange(len(matrix)))
    assert np.all(np.diff(explained) >= -1e-9)
    # As many channels as there are independent ones explain all: the optimum.
    assert explained[channels - 1] == pytest.approx(1)
    chosen = matrix[np.ix_(order[:channels], order[:channels])]
    assert np.linalg.matrix_rank(chosen, tol=1e-9) == channels
    if dead:
        assert not matrix[order[-dead:]].any()


@hypothesis.given(seed=st.integers(0, 10_000), channels=st.integers(2, 6))
def test_explained_is_the_variance_that_regression_explains(seed, channels):
    matrix = correlation(seed, channels, copies=1)
    order, explained = select_channels(matrix)
    for k in range(1, len(matrix) + 1):
        chosen = order[:k]
        inside = np.linalg.pinv(matrix[np.ix_(chosen, chosen)], rcond=1e-9, hermitian=True)
        share = np.trace(matrix[:, chosen] @ inside @ matrix[chosen]) / np.trace(matrix)
        assert explained[k - 1] == pytest.approx(share, abs=1e-6)


@hypothesis.given(seed=st.integers(0, 10_000), channels=st.integers(2, 6))
def test_each_step_is_the_best_single_step(seed, channels):
    matrix = correlation(seed, channels)
    order, explained = select_channels(matrix)
    best = max(np.sum(matrix[j] ** 2) / matrix[j, j] for j in range(len(matrix)))
    assert explained[0] * np.trace(matrix) == pytest.approx(best)
    assert explained[0] <= np.linalg.eigvalsh(matrix)[-1] / np.trace(matrix) + 1e-12


def test_a_central_channel_beats_two_extremes():
    # The middle channel correlates with both others: it goes first.
    matrix = np.array([[1, 0.7, 0], [0.7, 1, 0.7], [0, 0.7, 1]])
    order, _ = select_channels(matrix)
    assert order[0] == 1


def test_zero_matrix():
    order, explained = select_channels(np.zeros((3, 3)))
    assert order.tolist() == [0, 1, 2]
    assert explained.tolist() == [1, 1, 1]


def test_the_matrix_is_not_changed():
    matrix = correlation(0, 4)
    before = matrix.copy()
    select_channels(matrix)
    np.testing.assert_array_equal(matrix, before)


def test_unknown_matrix():
    with pytest.raises(ValueError, match="'correlation', 'covariance'.*'gram'"):
        PCA(matrix="gram")
