import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from ccm_tf.statistics.moments import Moments


def samples(seed, count, channels):
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((channels, channels))
    return rng.standard_normal((count, channels)) @ mix + 10 * rng.standard_normal(channels)


def moments_of(x):
    return Moments(x.shape[-1]).update(x)


def assert_same(one, other, **tolerance):
    tolerance = tolerance or {"rtol": 1e-9, "atol": 1e-9}
    assert one.count == other.count
    np.testing.assert_allclose(one.mean(), other.mean(), **tolerance)
    np.testing.assert_allclose(one.covariance(), other.covariance(), **tolerance)


@pytest.mark.parametrize("shape", [(6, 3), (4, 5, 3), (2, 3, 4, 3), (2, 3, 2, 2, 3)])
def test_equals_numpy_over_samples_and_pixels(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    rows = x.reshape(-1, 3)
    moments = moments_of(x)
    np.testing.assert_allclose(moments.mean(), rows.mean(0), atol=1e-14)
    np.testing.assert_allclose(moments.covariance(), np.cov(rows.T, bias=True), atol=1e-14)
    np.testing.assert_allclose(moments.correlation(), np.corrcoef(rows.T), atol=1e-14)


@hypothesis.given(
    seed=st.integers(0, 1000),
    channels=st.integers(1, 5),
    cuts=st.lists(st.integers(0, 40), max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_merging_is_order_invariant(seed, channels, cuts, order):
    x = samples(seed, 40, channels)
    pieces = [moments_of(part) for part in np.split(x, sorted(cuts))]
    order.shuffle(pieces)
    while len(pieces) > 1:
        # Any tree of merges, not only a chain.
        left = pieces.pop(order.randrange(len(pieces)))
        pieces[order.randrange(len(pieces))].merge(left)
    assert_same(pieces[0], moments_of(x))


@hypothesis.given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 40), max_size=4))
def test_streaming_equals_one_update(seed, cuts):
    x = samples(seed, 40, 3)
    stream = Moments(3)
    for part in np.split(x, sorted(cuts)):
        stream.update(part)
    assert_same(stream, moments_of(x))


def test_merge_leaves_the_other_alone():
    one, other = moments_of(samples(0, 9, 2)), moments_of(samples(1, 7, 2))
    before = other.covariance()
    one.merge(other).update(samples(2, 5, 2))
    np.testing.assert_array_equal(other.covariance(), before)
    assert other.count == 7


def test_large_means_cost_no_digits():
    x = samples(0, 1000, 3)
    shifted = Moments(3)
    for part in np.split(x + 1e7, 10):
        shifted.update(part)
    np.testing.assert_allclose(shifted.covariance(), np.cov(x.T, bias=True), rtol=1e-7, atol=1e-7)


def test_blocks_are_invisible(monkeypatch):
    x = samples(0, 100, 3)
    monkeypatch.setattr("ccm_tf.statistics.moments._BLOCK_BYTES", 7 * 8 * 3)
    assert_same(moments_of(x), Moments(3).merge(moments_of(x)))
    np.testing.assert_allclose(moments_of(x).covariance(), np.cov(x.T, bias=True), atol=1e-12)


@pytest.mark.parametrize("constant", [0.0, 0.1, -3e4, 1e-30])
def test_constant_channels_give_zero_rows(constant):
    x = samples(0, 50, 3).astype("float32")
    x[:, 1] = constant
    moments = Moments(3)
    for part in np.split(x, [7, 20]):
        moments.update(part)
    correlation = moments.correlation()
    assert not correlation[1].any() and not correlation[:, 1].any()
    np.testing.assert_allclose(
        correlation[np.ix_([0, 2], [0, 2])], np.corrcoef(x[:, [0, 2]].T), atol=1e-9
    )


def test_weak_channels_are_not_dead():
    x = samples(0, 50, 3)
    x[:, 1] *= 1e-8
    np.testing.assert_allclose(moments_of(x).correlation(), np.corrcoef(x.T), atol=1e-8)


def test_correlation_is_bounded_with_a_diagonal_of_exact_ones():
    x = np.repeat(samples(0, 50, 1), 4, axis=1) * [1, 3, -7, 1e-5]
    correlation = moments_of(x).correlation()
    np.testing.assert_array_equal(np.diag(correlation), 1)
    assert np.abs(correlation).max() <= 1


def test_float32_features_are_summed_in_float64():
    x = np.full((2**20, 1), 0.1, np.float32)
    assert moments_of(x).mean()[0] == pytest.approx(float(np.float32(0.1)), rel=1e-12)


def test_memory_does_not_grow_with_samples():
    moments = Moments(4)
    arrays = [v.nbytes for v in vars(moments).values() if isinstance(v, np.ndarray)]
    moments.update(samples(0, 500, 4))
    assert [v.nbytes for v in vars(moments).values() if isinstance(v, np.ndarray)] == arrays


def test_errors():
    with pytest.raises(ValueError, match="positive"):
        Moments(0)
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 3\).*\(5, 4\)"):
        Moments(3).update(np.ones((5, 4)))
    with pytest.raises(ValueError, match="3 channels.*2 channels"):
        Moments(3).merge(Moments(2))
    for query in ("mean", "covariance", "correlation"):
        with pytest.raises(ValueError, match="update"):
            getattr(Moments(3), query)()
    with pytest.raises(ValueError, match="NaN"):
        Moments(1).update(np.array([[np.nan]]))
