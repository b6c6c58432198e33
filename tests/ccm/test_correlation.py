import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from keras import ops

from ccm_tf.ccm import correlation
from ccm_tf.ccm.correlation import OVER, channel_correlation
from tests.ccm import reference


def correlate(features, **options):
    features = np.asarray(features, "float32")
    return ops.convert_to_numpy(channel_correlation(features, **options))


def score(features, **options):
    return np.abs(correlate(features, **options)).mean()


def test_t1_two_identical_of_four():
    matrix = correlate(reference.maps(reference.T1))
    expected = np.eye(4)
    expected[0, 1] = expected[1, 0] = 1
    np.testing.assert_allclose(matrix, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix), [0, 1, 1, 2], atol=1e-6)


@pytest.mark.parametrize(
    "rows, expected",
    [
        (reference.T1, 0.375),
        (reference.T1[:1] * 4, 1.0),
        (reference.T1[1:], 1 / 3),
        (reference.T2, 0.625),
        ([[5, 7, 9, 11], [1, 2, 3, 4], [-19, -14, -9, -4], [1, -1, -1, 1]], 0.625),
        (reference.T3, 0.674839684),
        (reference.T5, 0.3125),
    ],
    ids=["T1", "T1b", "T1c", "T2", "T2-affine", "T3", "T5"],
)
def test_score_of_one_map(rows, expected):
    assert score(reference.maps(rows)) == pytest.approx(expected, abs=1e-6)


def test_t2_signed():
    matrix = correlate(reference.maps(reference.T2))
    assert matrix.mean() == pytest.approx(0.125, abs=1e-6)
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix), [0, 0, 1, 3], atol=1e-6)


def test_t3_entries():
    matrix = correlate(reference.maps(reference.T3))
    upper = matrix[np.triu_indices(4, 1)]
    np.testing.assert_allclose(
        upper, [0.577350, 0.333333, -0.333333, 0.577350, -0.577350, -1], atol=1e-6
    )
    assert matrix.mean() == pytest.approx(0.197168784, abs=1e-6)
    np.testing.assert_array_equal(matrix, matrix.T)


def test_t4_separates_mean_map_from_samples():
    assert score(reference.T4) == pytest.approx(0.5, abs=1e-6)
    assert score(reference.T4, over="samples") == pytest.approx(2 / 3, abs=1e-6)


def test_t5_dead_channel_is_zero():
    matrix = correlate(reference.maps(reference.T5))
    assert not matrix[3].any()
    assert not matrix[:, 3].any()
    assert np.isfinite(matrix).all()


@pytest.mark.parametrize(
    "relu, absolute, signed",
    [(False, 0.335670850, 0.085149672), (True, 0.340045001, 0.125260651)],
)
def test_t6_deterministic_batch(relu, absolute, signed):
    matrix = correlate(reference.t6(relu))
    assert np.abs(matrix).mean() == pytest.approx(absolute, abs=1e-6)
    assert matrix.mean() == pytest.approx(signed, abs=1e-6)
    if relu:
        values = np.linalg.eigvalsh(matrix.astype("float64"))[::-1]
        np.testing.assert_allclose(
            np.cumsum(values) / values.sum(),
            [0.301519, 0.580322, 0.797372, 0.942790, 1],
            atol=1e-5,
        )


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("spatial", [(), (6,), (3, 4), (2, 3, 2)], ids=len)
def test_every_rank_against_numpy(over, spatial):
    features = np.random.default_rng(0).normal(size=(9, *spatial, 5))
    np.testing.assert_allclose(
        correlate(features, over=over), reference.correlation(features, over), atol=1e-5
    )


def test_without_pixels_both_settings_correlate_over_the_batch():
    features = np.random.default_rng(0).normal(size=(9, 5))
    np.testing.assert_array_equal(correlate(features), correlate(features, over="samples"))
    np.testing.assert_allclose(correlate(features), np.corrcoef(features.T), atol=1e-6)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_result_is_float32_whatever_the_dtype(over, dtype):
    # 1000 images of value 60 would overflow a float16 sum.
    features = ops.cast(60 + np.random.default_rng(0).normal(size=(1000, 2, 2, 3)), dtype)
    matrix = channel_correlation(features, over=over)
    assert keras.backend.standardize_dtype(matrix.dtype) == "float32"
    expected = reference.correlation(ops.convert_to_numpy(ops.cast(features, "float32")), over)
    np.testing.assert_allclose(ops.convert_to_numpy(matrix), expected, atol=1e-3)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("epsilon", [0.0, 1e-12])
@pytest.mark.parametrize("constant", [0.0, 0.1, -3.3, 1e4])
def test_constant_channels_give_exact_zeros(over, epsilon, constant):
    # 0.1 is no float32, so its mean is not exactly itself, and noise would correlate with noise.
    features = np.random.default_rng(0).normal(size=(7, 9, 11, 4)).astype("float32")
    features[..., 1] = constant
    features[..., 3] = 2 * constant
    matrix = correlate(features, over=over, epsilon=epsilon)
    assert not matrix[[1, 3]].any()
    assert not matrix[:, [1, 3]].any()
    np.testing.assert_allclose(np.diag(matrix)[[0, 2]], 1, atol=1e-6)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("epsilon", [0.0, 1e-12])
def test_gradient_is_finite_with_constant_channels(over, epsilon):
    features = np.random.default_rng(0).normal(size=(3, 2, 2, 4)).astype("float32")
    features[..., 1] = 0
    features[..., 2] = 0.1

    def total(x):
        return ops.mean(ops.abs(channel_correlation(x, over=over, epsilon=epsilon)))

    gradient = reference.gradient(total, features)
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(gradient[..., [1, 2]], 0, atol=1e-7)


def test_large_mean_keeps_its_digits():
    features = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(
        correlate(features + 1000, over="samples"), correlate(features, over="samples"), atol=1e-3
    )


def test_epsilon_damps_weak_channels():
    features = reference.maps(reference.T1)
    assert score(features, epsilon=4.0) == pytest.approx(0.375 / 2, abs=1e-6)


@pytest.mark.parametrize("over", OVER)
@given(
    features=hnp.arrays("float32", (3, 2, 3, 4), elements=st.integers(-8, 8)),
    factors=hnp.arrays("float32", (4,), elements=st.sampled_from([0.5, 1, 2, 4])),
    shifts=hnp.arrays("float32", (4,), elements=st.integers(-4, 4)),
)
def test_scale_shift_and_order_do_not_matter(over, features, factors, shifts):
    plain = correlate(features, over=over)
    moved = correlate(features * factors + shifts, over=over)
    np.testing.assert_allclose(moved, plain, atol=1e-5)
    order = [2, 0, 3, 1]
    permuted = correlate(features[..., order], over=over)
    np.testing.assert_allclose(permuted, plain[order][:, order], atol=1e-5)
    assert (np.abs(plain) <= 1 + 1e-5).all()


def test_negated_channel_changes_signs_only():
    features = reference.t6(False)
    flipped = features * [1, -1, 1, 1, 1]
    np.testing.assert_allclose(
        np.abs(correlate(flipped)), np.abs(correlate(features)), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    "options, message",
    [
        ({"over": "mean"}, "over='mean'"),
        ({"epsilon": -1.0}, "epsilon=-1.0"),
        ({"epsilon": float("nan")}, "epsilon=nan"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        channel_correlation(np.ones((2, 3), "float32"), **options)


def test_bad_features_are_refused():
    with pytest.raises(ValueError, match=r"at least two axes. Received: shape=\(3,\)"):
        channel_correlation(np.ones(3, "float32"))
    with pytest.raises(ValueError, match="float dtype. Received: dtype=int32"):
        channel_correlation(np.ones((2, 3), "int32"))
    with pytest.raises(ValueError, match="known number of channels"):
        correlation.check_features(keras.KerasTensor((None, 4, None)))
