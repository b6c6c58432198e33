import keras
import numpy as np
import pytest
from keras import ops

from ccm_tf.ccm import fused
from ccm_tf.ccm.correlation import OVER, channel_correlation
from tests.ccm import reference


def score(features, over="mean_map", epsilon=1e-12):
    """S by the fused path, with the gradient through its tap."""
    _, statistics = fused.tap(features, over)
    return fused.scores([statistics], [epsilon])[0]


def autodiff_score(features, over="mean_map", epsilon=1e-12):
    return ops.mean(ops.abs(channel_correlation(features, over, epsilon)))


SHAPES = [(6, 5), (3, 7, 4), (3, 2, 3, 4), (2, 2, 2, 2, 3)]


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("shape", SHAPES, ids=len)
@pytest.mark.parametrize("jit", [False, True])
def test_score_and_gradient_equal_autodiff_of_the_correlation(over, shape, jit):
    x = np.random.default_rng(0).normal(size=shape).astype("float32") + 0.5
    assert float(score(ops.convert_to_tensor(x), over)) == pytest.approx(
        float(autodiff_score(x, over)), rel=1e-5
    )
    closed = reference.gradient(lambda x: score(x, over), x, jit=jit)
    automatic = reference.gradient(lambda x: autodiff_score(x, over), x)
    np.testing.assert_allclose(closed, automatic, atol=1e-6)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("relu", [False, True])
def test_gradient_equals_finite_differences(over, relu):
    x = reference.t6(relu)
    # Where ReLU cuts, S is smooth still: the features themselves are the variables.
    expected = reference.finite_differences(lambda x: reference.score(x, over), x)
    found = reference.gradient(lambda x: score(x, over), x.astype("float32"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-6)


def test_t3_gradient():
    found = reference.gradient(score, reference.maps(reference.T3).astype("float32"))
    rows = found.reshape(4, 4).T
    np.testing.assert_allclose(
        rows,
        [
            [-0.270335, 0.062999, 0.207336, 0],
            [-0.144338, 0.144338, -0.072169, 0.072169],
            [0, -0.151781, -0.007443, 0.159224],
            [0, 0.151781, 0.007443, -0.159224],
        ],
        atol=1e-5,
    )
    np.testing.assert_allclose(rows.sum(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose((rows * reference.T3).sum(axis=1), 0, atol=1e-6)


def test_t6_gradient():
    found = reference.gradient(score, reference.t6(True).astype("float32"))
    np.testing.assert_allclose(
        found[0, 0, :, 0], [-0.001184, 0.008707, -0.012981, -0.009363], atol=1e-5
    )
    assert np.abs(found).sum() == pytest.approx(4.216093580, rel=1e-4)


@pytest.mark.parametrize("over", OVER)
def test_tap_adds_both_gradients(over):
    x = reference.t6(False).astype("float32")
    weights = np.random.default_rng(1).normal(size=x.shape).astype("float32")

    def both(x):
        y, statistics = fused.tap(x, over)
        return ops.sum(y * weights) - 0.3 * fused.scores([statistics], [1e-12])[0]

    alone = reference.gradient(lambda x: score(x, over), x)
    np.testing.assert_allclose(reference.gradient(both, x), weights - 0.3 * alone, atol=1e-6)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_tap_returns_the_features_bit_for_bit(over, dtype):
    x = ops.cast(reference.t6(False), dtype)
    y, statistics = fused.tap(x, over)
    np.testing.assert_array_equal(ops.convert_to_numpy(y), ops.convert_to_numpy(x))
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    assert {keras.backend.standardize_dtype(s.dtype) for s in statistics} == {"float32"}


@pytest.mark.parametrize("over", OVER)
def test_half_precision_gradient_keeps_the_dtype_of_the_features(over):
    x = ops.cast(reference.t6(False), "float16")
    found = reference.gradient(lambda x: score(x, over), x)
    assert found.dtype == "float16"
    expected = reference.gradient(lambda x: score(x, over), ops.cast(x, "float32"))
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("over", OVER)
def test_constant_channels_have_no_score_and_no_gradient(over):
    x = reference.t6(False).astype("float32")
    x[..., 1], x[..., 3] = 0, 0.1
    dead = reference.score(x, over)
    assert float(score(ops.convert_to_tensor(x), over)) == pytest.approx(dead, abs=1e-6)
    gradient = reference.gradient(lambda x: score(x, over), x)
    assert not gradient[..., [1, 3]].any()
    assert np.isfinite(gradient).all()
    assert gradient[..., 0].any()


@pytest.mark.parametrize("over", OVER)
def test_a_batch_of_no_images_scores_zero(over):
    x = ops.zeros((0, 2, 2, 3))
    assert float(score(x, over)) == 0
    assert reference.gradient(lambda x: score(x, over), x).shape == (0, 2, 2, 3)


def test_maps_of_several_shapes_keep_their_order_and_epsilon():
    rng = np.random.default_rng(0)
    shapes = [(2, 4, 4, 3), (2, 2, 2, 5), (2, 4, 4, 3), (2, 2, 2, 5), (2, 6)]
    epsilons = [1e-12, 1e-12, 1e-12, 0.5, 1e-12]
    overs = ["mean_map", "samples", "mean_map", "samples", "mean_map"]
    features = [rng.normal(size=shape).astype("float32") for shape in shapes]
    statistics = [
        fused.tap(ops.convert_to_tensor(x), over)[1]
        for x, over in zip(features, overs, strict=True)
    ]
    found = [float(s) for s in fused.scores(statistics, epsilons)]
    expected = [reference.score(*a) for a in zip(features, overs, epsilons, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_no_losses_no_scores():
    assert fused.scores([], []) == []
    assert fused.synchronised([]) == []


@pytest.mark.tensorflow
@pytest.mark.parametrize("over", OVER)
def test_replicas_share_statistics_and_gradient(two_replicas, over):
    import tensorflow as tf

    x = reference.t6(False).astype("float32")
    weights = np.random.default_rng(1).normal(size=x.shape).astype("float32")
    # Shares of two and one image, as in a last batch that does not divide.
    parts = {0: slice(0, 2), 1: slice(2, 3)}

    def part(values):
        return lambda context: tf.constant(values[parts[context.replica_id_in_sync_group]])

    inputs, factors = (
        two_replicas.experimental_distribute_values_from_function(part(v)) for v in (x, weights)
    )

    @tf.function
    def step(x, factor):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y, statistics = fused.tap(x, over)
            (shared,) = fused.synchronised([statistics])
            (value,) = fused.scores([shared], [1e-12])
            # As Keras does: additional losses are divided by the number of replicas.
            loss = tf.reduce_sum(y * factor) - value / 2
        return value, tape.gradient(loss, x)

    values, gradients = two_replicas.run(step, args=(inputs, factors))
    for value in two_replicas.experimental_local_results(values):
        assert float(value) == pytest.approx(reference.score(x, over), abs=1e-6)
    found = np.concatenate([g.numpy() for g in two_replicas.experimental_local_results(gradients)])
    expected = weights - reference.gradient(lambda x: score(x, over), x)
    np.testing.assert_allclose(found, expected, atol=1e-6)
