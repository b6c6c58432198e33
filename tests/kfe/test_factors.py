import keras
import numpy as np
import pytest
from keras import layers

import ccm_tf
from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.blocks import find_blocks
from ccm_tf.kfe.factors import flat, kronecker_factors, patches_of
from ccm_tf.kfe.passes import PassOptions, gradient_pass
from ccm_tf.statistics.gradients import weight_gradients
from tests import zoo
from tests.kfe import golden


def empirical(model, data, **settings):
    return kronecker_factors(
        model, data, labels="empirical", loss=golden.linear_loss, patches=True, **settings
    )


def test_golden_convolution():
    x, g, kernel = golden.arrays()
    checks = [(v.sum(), (v**2).sum()) for v in (x, g, kernel)]
    assert checks == [(29, 977), (-8, 264), (-7, 107)]
    y = np.asarray(golden.model()(x))
    np.testing.assert_array_equal(y[0, 0, 0], [-7, -3])
    assert y.sum() == -40 and (y**2).sum() == 23040
    layer = empirical(golden.model(), golden.data())["conv"]
    expected = [
        [112.6666667, -3.8333333, -34.1666667],
        [-3.8333333, 112.6666667, 3.0555556],
        [-34.1666667, 3.0555556, 113.6111111],
    ]
    np.testing.assert_allclose(layer.omega, expected, rtol=0, atol=5e-8)
    np.testing.assert_array_equal(layer.gamma, [[4.25, 0.0625], [0.0625, 4.0]])
    np.testing.assert_array_equal(layer.gamma * 256, [[1088, 16], [16, 1024]])
    assert np.trace(layer.patch_omega) / 256 == 11.916015625
    # The channel factor is the mean of the blocks on the diagonal.
    blocks = layer.patch_omega.reshape(9, 3, 9, 3)[np.arange(9), :, np.arange(9)]
    np.testing.assert_allclose(blocks.mean(axis=0), layer.omega, rtol=1e-14)


def test_scales_of_the_loss_and_of_the_data():
    x, g = golden.data()
    layer = empirical(golden.model(), (x, g))["conv"]
    twice = empirical(golden.model(), (np.tile(x, (2, 1, 1, 1)), np.tile(g, (2, 1, 1, 1))))["conv"]
    np.testing.assert_allclose(twice.omega, layer.omega, rtol=1e-14)
    np.testing.assert_allclose(twice.gamma, layer.gamma, rtol=1e-14)
    scaled = empirical(golden.model(), (x, 3 * g))["conv"]
    np.testing.assert_allclose(scaled.gamma, 9 * layer.gamma, rtol=1e-14)


def test_batches_and_shards_add_up():
    model = zoo.randomise(zoo.chain())
    x, y = zoo.inputs_for(model, 5), zoo.labels_for(model, 5)
    settings = {"labels": "empirical", "patches": True}
    whole = kronecker_factors(model, (x, y), **settings)
    parts = kronecker_factors(model, (x, y), batch_size=2, **settings)
    shard = kronecker_factors(model, (x[:2], y[:2]), **settings)
    shard.merge(kronecker_factors(model, (x[2:], y[2:]), **settings))
    assert list(whole.layers) == ["conv1", "conv2", "hidden", "logits"]
    for name, layer in whole.layers.items():
        for other in (parts[name], shard[name]):
            assert other.examples == 5
            for of in ("omega", "gamma", "patch_omega"):
                a, b = getattr(layer, of), getattr(other, of)
                np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5 * np.abs(a).max())


CONVOLUTIONS = [
    (layers.Conv2D, (7, 6, 3), {"kernel_size": 3, "strides": 2, "padding": "same"}),
    (layers.Conv2D, (8, 6, 3), {"kernel_size": (3, 2), "strides": (2, 1), "padding": "valid"}),
    (layers.Conv2D, (8, 9, 3), {"kernel_size": 3, "dilation_rate": 2, "padding": "same"}),
    (layers.Conv2D, (5, 4, 3), {"kernel_size": 1, "strides": 2}),
    (layers.Conv1D, (9, 3), {"kernel_size": 3, "padding": "causal", "dilation_rate": 2}),
    (layers.Conv1D, (9, 3), {"kernel_size": 4, "padding": "causal", "strides": 2}),
    (layers.Conv3D, (4, 3, 5, 3), {"kernel_size": 2, "padding": "same"}),
    (layers.Conv3D, (4, 3, 5, 3), {"kernel_size": 2, "activation": "tanh"}),
    (layers.Dense, (4, 3), {"activation": "relu"}),
]


@pytest.mark.parametrize("kind, shape, settings", CONVOLUTIONS)
def test_factors_from_the_gradient_of_the_kernel(kind, shape, settings):
    """For one sample, tr(patches x gradients) = the kernel's own gradient, by autodiff."""
    inputs = keras.Input(shape)
    layer = kind(4, use_bias=True, name="layer", **settings)
    model = zoo.randomise(keras.Model(inputs, layer(inputs)))
    x = zoo.inputs_for(model, 1)
    y = np.random.default_rng(1).normal(size=np.shape(model(x))).astype("float32")
    graph = ChannelGraph(model)
    (block,), _ = (list(found.values()) for found in find_blocks(graph))

    def products(block, seen):
        patches = flat(patches_of(block, seen.inputs[0], True))
        return [keras.ops.matmul(keras.ops.transpose(patches), flat(seen.gradients[0]))]

    options = PassOptions("empirical", golden.linear_loss)
    ((_, ((found,),)),) = gradient_pass(graph, [block], (x, y), products, options)
    variables = [layer.kernel, layer.bias]
    ((_, (kernel, bias)),) = weight_gradients(graph, (x, y), variables, golden.linear_loss)
    scale = np.abs(kernel).max()
    np.testing.assert_allclose(
        found[:-1], kernel.reshape(found[:-1].shape), rtol=1e-4, atol=1e-5 * scale
    )
    np.testing.assert_allclose(found[-1], bias, rtol=1e-4, atol=1e-5 * scale)
    factors = empirical(model, (x, y))["layer"]
    taps, channels, _ = block.shape
    patch = factors.patch_omega[:-1, :-1].reshape(taps, channels, taps, channels)
    mean = np.einsum("tatb->ab", patch) / taps
    np.testing.assert_allclose(factors.omega, mean, rtol=1e-4, atol=1e-5)


def test_shared_layers_sum_over_their_calls():
    model = zoo.randomise(zoo.shared())
    x, y = zoo.inputs_for(model, 3), zoo.labels_for(model, 3)
    factors = kronecker_factors(model, (x, y), labels="empirical")
    assert factors["conv"].positions == 3 * 3 * 64
    assert factors["label"].positions == 3


def test_layers_without_factors_are_left_out_with_a_reason():
    model = zoo.randomise(zoo.grouped())
    factors = kronecker_factors(model, zoo.inputs_for(model), labels="sampled")
    assert list(factors.layers) == ["conv", "logits"]
    assert "4 groups" in factors.left_out["grouped"]
    assert "Conv2DTranspose" in factors.left_out["transposed"]
    assert "grouped" in str(factors)
    with pytest.raises(ValueError, match="'grouped' has no Kronecker factors: it has 4 groups"):
        kronecker_factors(model, zoo.inputs_for(model), layers=["grouped"])
    with pytest.raises(KeyError, match="4 groups"):
        factors["grouped"]
    with pytest.raises(ValueError, match="no such layer"):
        kronecker_factors(model, zoo.inputs_for(model), layers=["nothing"])


def test_a_layer_called_at_different_sizes():
    conv = layers.Conv2D(4, 3, padding="same", name="conv")
    inputs = keras.Input((8, 8, 4))
    small = layers.AveragePooling2D(2)(conv(inputs))
    x = layers.GlobalAveragePooling2D()(conv(small))
    model = keras.Model(inputs, layers.Dense(2, name="logits")(x))
    with pytest.raises(ValueError, match="called on maps of different sizes"):
        kronecker_factors(model, zoo.inputs_for(model), layers=["conv"])
    assert "different sizes" in kronecker_factors(model, zoo.inputs_for(model)).left_out["conv"]


def softmax_gradient(probabilities):
    """The exact second moment of the gradient at the logits."""
    outer = np.einsum("ni,nj->nij", probabilities, probabilities)
    return (np.einsum("ni,ij->nij", probabilities, np.eye(5)) - outer).mean(axis=0)


def test_sampled_labels_give_the_exact_fisher_information():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(5), 200)
    logits = np.log(probabilities).astype("float32")
    model = golden.dense(5, 5, np.eye(5))
    exact = softmax_gradient(probabilities)
    once = kronecker_factors(model, logits)["dense"].gamma
    assert np.abs(once - exact).max() < 0.05
    often = kronecker_factors(model, np.tile(logits, (200, 1)), batch_size=8000)["dense"].gamma
    assert np.abs(often - exact).max() < 3e-3
    labels = np.zeros(200, int)
    wrong = kronecker_factors(model, (logits, labels), labels="empirical")["dense"].gamma
    assert np.abs(wrong - exact).max() > 0.1
    again = kronecker_factors(model, logits, batch_size=70)["dense"].gamma
    np.testing.assert_allclose(again, once, atol=1e-6)
    assert not np.allclose(kronecker_factors(model, logits, seed=1)["dense"].gamma, once)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_labels_from_probabilities(activation):
    inputs = keras.Input((4,))
    outputs = layers.Dense(3, activation=activation, name="out")(inputs)
    model = zoo.randomise(keras.Model(inputs, outputs))
    factors = kronecker_factors(model, zoo.inputs_for(model, 4000), batch_size=4000)
    x = zoo.inputs_for(model, 4000)
    p = np.asarray(model(x), np.float64)
    # Binary cross-entropy is a mean over the three units.
    units = 3 if activation == "sigmoid" else 1
    diagonal = (p * (1 - p)).mean(axis=0) / units**2
    np.testing.assert_allclose(np.diag(factors["out"].gamma), diagonal, rtol=0.15)


def test_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = zoo.randomise(zoo.chain())
    layer = kronecker_factors(model, zoo.inputs_for(model))["conv2"]
    assert layer.gamma.dtype == np.float64 and layer.gamma.any()


def test_the_model_is_left_untouched():
    model = zoo.randomise(zoo.chain())
    before = [keras.ops.convert_to_numpy(w).copy() for w in model.variables]
    kronecker_factors(model, zoo.inputs_for(model), verbose=1)
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, keras.ops.convert_to_numpy(new))


def test_clear_errors():
    model = zoo.randomise(zoo.chain())
    x, y = zoo.inputs_for(model), zoo.labels_for(model)
    with pytest.raises(ValueError, match="Labels are needed"):
        kronecker_factors(model, x, labels="empirical")
    with pytest.raises(ValueError, match="`labels` must be one of"):
        kronecker_factors(model, x, labels="true")
    with pytest.raises(ValueError, match="pass labels='empirical'"):
        kronecker_factors(model, x, loss="mse")
    with pytest.raises(ValueError, match="2 samples but labels for"):
        list(kronecker_factors(model, [(x, y[:1])], labels="empirical").layers)
    x[0] = np.nan
    with pytest.raises(ValueError, match="layer 'conv1' hold NaN or infinity"):
        kronecker_factors(model, x)
    inputs = keras.Input((4,))
    squashed = keras.Model(inputs, layers.Dense(3, activation="tanh")(inputs))
    with pytest.raises(ValueError, match="ends in 'tanh'.*loss='mean_squared_error'"):
        kronecker_factors(squashed, np.ones((2, 4), "float32"))
    with pytest.raises(ValueError, match="No layer has Kronecker factors"):
        kronecker_factors(keras.Model(inputs, layers.ReLU()(inputs)), np.ones((2, 4)))
    with pytest.raises(ValueError, match="same layers of the same model"):
        a = kronecker_factors(model, zoo.inputs_for(model))
        a.merge(kronecker_factors(model, zoo.inputs_for(model), layers=["conv1"]))


def test_exact_kronecker_product():
    """With every input meeting every gradient, the Fisher information is the product."""
    rows = np.array([(a, g) for a in ((1, 0), (0, 2)) for g in ((1, 2), (1, -2))], "float32")
    x, g = rows[:, 0], rows[:, 1]
    layer = empirical(golden.dense(2, 2), (x, g))["dense"]
    np.testing.assert_array_equal(layer.omega, np.diag([0.5, 2]))
    np.testing.assert_array_equal(layer.gamma, np.diag([1, 4]))
    vectors = np.einsum("ni,no->nio", x, g).reshape(4, 4)
    fisher = vectors.T @ vectors / 4
    np.testing.assert_allclose(np.kron(layer.omega, layer.gamma), fisher, atol=1e-15)


def test_public_name():
    assert ccm_tf.kronecker_factors is kronecker_factors
