import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ccm_tf.ridge import predict
from ccm_tf.statistics.moments import Moments


@settings(max_examples=20)
@given(st.integers(2, 8), st.integers(0, 10_000))
def test_predict_is_least_squares_where_samples_abound(channels, seed):
    rng = np.random.default_rng(seed)
    stays = np.zeros(channels, bool)
    stays[: max(1, channels // 2)] = True
    y = rng.normal(size=(4000, stays.sum())) + 1.0
    x = y @ rng.normal(size=(stays.sum(), channels)) + 0.1 * rng.normal(size=(4000, channels)) + 2
    moments = Moments(stays.sum() + channels).update(np.concatenate([y, x], axis=1))
    weights, offset = predict(moments, stays, 4000.0)
    expected, *_ = np.linalg.lstsq(np.c_[y, np.ones(len(y))], x, rcond=None)
    np.testing.assert_allclose(weights, expected[:-1].T, atol=2e-3)
    np.testing.assert_allclose(offset, expected[-1], atol=2e-3)


def test_predict_falls_back_to_slicing_where_samples_are_few():
    rng = np.random.default_rng(0)
    stays = np.array([True, True, True, False, False, False])
    x = rng.normal(size=(8, 6))
    moments = Moments(9).update(np.concatenate([x[:, :3], x], axis=1))
    weights, _ = predict(moments, stays, 3.5)
    plain, *_ = np.linalg.lstsq(x[:, :3] - x[:, :3].mean(0), x - x.mean(0), rcond=None)
    assert np.abs(weights[3:]).max() < np.abs(plain.T[3:]).max()
    np.testing.assert_allclose(weights[:3], np.eye(3), atol=1e-6)


def test_dead_inputs_are_sliced():
    moments = Moments(3).update(np.zeros((10, 3)))
    weights, offset = predict(moments, np.array([True, False]), 10.0)
    np.testing.assert_array_equal(weights, [[1.0], [0.0]])
    np.testing.assert_array_equal(offset, [0.0, 0.0])
