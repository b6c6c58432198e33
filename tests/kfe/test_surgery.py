import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.directions import Directions
from ccm_tf.kfe.eigen_plan import EigenPlan
from ccm_tf.kfe.planner import plan
from ccm_tf.rewrite import rewrite
from tests import zoo


def orthogonal(size, seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def rotated(model, seed=0, **sizes):
    """A plan that turns every convolution and dense layer into a bottleneck of full rank."""
    found = {}
    for layer in model.layers:
        if isinstance(layer, (layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Dense)):
            if layer.name.endswith(("_kfe_in", "_kfe_out")):
                continue
            inputs, outputs = layer.kernel.shape[-2:]
            found[layer.name] = Directions(orthogonal(inputs, seed), orthogonal(outputs, seed + 1))
    return EigenPlan(found, ChannelGraph(model).fingerprint)


MODELS = [zoo.chain, zoo.residual, zoo.shared, zoo.sequence, zoo.volume, zoo.concatenation]


@pytest.mark.parametrize("make", MODELS, ids=lambda m: m.__name__)
def test_any_rotation_is_exact_once_and_twice(make):
    model = zoo.randomise(make())
    once = rewrite(model, rotated(model))
    twice = rewrite(once, rotated(once, seed=5))
    inputs = zoo.inputs_for(model)
    expected = zoo.outputs(model, inputs)
    for slim in (once, twice):
        for a, b in zip(expected, zoo.outputs(slim, inputs), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-3, atol=1e-4 * max(1.0, np.abs(a).max()))
    assert [layer.name for layer in once.layers] == [layer.name for layer in twice.layers]


@pytest.mark.parametrize(
    "settings",
    [
        {"strides": 2, "padding": "same"},
        {"strides": (2, 1), "padding": "valid"},
        {"padding": "same", "dilation_rate": 2, "activation": "relu"},
    ],
)
def test_borders_strides_and_bias(settings):
    inputs = keras.Input((7, 6, 4))
    model = keras.Model(inputs, layers.Conv2D(5, 3, name="conv", **settings)(inputs))
    model = zoo.randomise(model)
    slim = rewrite(model, rotated(model))
    x = zoo.inputs_for(model)
    np.testing.assert_allclose(np.asarray(slim(x)), np.asarray(model(x)), rtol=1e-4, atol=1e-5)
    first, core, last = (slim.get_layer(n) for n in ("conv_kfe_in", "conv", "conv_kfe_out"))
    assert not first.use_bias and not core.use_bias and last.use_bias
    assert core.strides == model.get_layer("conv").strides
    assert last.activation is model.get_layer("conv").activation
    assert core.activation is keras.activations.linear


def test_a_plain_model_that_saves_and_trains(tmp_path):
    model = zoo.randomise(zoo.residual())
    slim = rewrite(model, plan(model, zoo.inputs_for(model, 8), ratio=0.3))
    assert type(slim) is type(keras.Model(slim.inputs, slim.outputs))
    slim.save(tmp_path / "slim.keras")
    loaded = keras.saving.load_model(tmp_path / "slim.keras")
    x = zoo.inputs_for(model)
    np.testing.assert_array_equal(np.asarray(slim(x)), np.asarray(loaded(x)))
    before = keras.ops.convert_to_numpy(slim.trainable_variables[0]).copy()
    slim.compile(keras.optimizers.SGD(1e-2), "mse", jit_compile=False)
    slim.fit(x, np.zeros((2, 3)), verbose=0)
    assert not np.array_equal(before, keras.ops.convert_to_numpy(slim.trainable_variables[0]))


def test_settings_of_layers_are_carried():
    inputs = keras.Input((8, 8, 6))
    penalty = keras.regularizers.L2(0.1)
    settings = {"kernel_regularizer": penalty, "bias_regularizer": "l1", "activation": "relu"}
    conv = layers.Conv2D(6, 3, name="conv", **settings)
    x = layers.Flatten()(conv(inputs))
    model = keras.Model(inputs, layers.Dense(3, name="logits")(x))
    slim = rewrite(model, rotated(model))
    for name in ("conv_kfe_in", "conv", "conv_kfe_out"):
        assert slim.get_layer(name).kernel_regularizer.get_config() == penalty.get_config()
    assert slim.get_layer("conv_kfe_out").bias_regularizer is not None


def test_frozen_rotations():
    model = zoo.randomise(zoo.chain())
    slim = rewrite(model, rotated(model), trainable_rotations=False)
    assert not slim.get_layer("conv1_kfe_in").trainable
    assert not slim.get_layer("conv1_kfe_out").trainable
    assert slim.get_layer("conv1").trainable
    assert slim.get_layer("bn1").trainable


def test_a_second_round_merges_into_what_was_trained():
    model = zoo.randomise(zoo.chain())
    x = zoo.inputs_for(model, 16)
    first = plan(model, x, ratio=0.2, layers=["conv1", "conv2"])
    slim = rewrite(model, first)
    # Training takes the rotations away from where they were.
    zoo.randomise(slim, seed=4)
    names = list(first.layers)
    second = plan(slim, x, ratio=0.2, layers=names)
    again = rewrite(slim, second)
    assert again.count_params() == second.counts["kept"]["params"] < slim.count_params()
    assert [layer.name for layer in again.layers] == [layer.name for layer in slim.layers]
    for name in names:
        spectrum = second.spectra[name]
        assert len(spectrum.input_values) == slim.get_layer(name).kernel.shape[-2]


@pytest.mark.parametrize("fit", ["frobenius", "fisher"])
def test_depthwise_cores(fit, tmp_path):
    model = zoo.randomise(zoo.residual())
    x = zoo.inputs_for(model, 8)
    made = plan(model, x, ratio=0.4, separable=fit)
    slim = rewrite(model, made)
    assert slim.count_params() == made.counts["kept"]["params"]
    cores = [slim.get_layer(name) for name in made.layers]
    assert cores and all(isinstance(core, layers.DepthwiseConv2D) for core in cores)
    made.save(tmp_path / "plan.npz")
    again = rewrite(model, EigenPlan.load(tmp_path / "plan.npz"))
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(slim(x)))


def test_a_depthwise_core_reproduces_a_kernel_of_low_rank():
    rng = np.random.default_rng(0)
    inputs = keras.Input((6, 6, 4))
    conv = layers.Conv2D(4, 3, padding="same", name="conv", use_bias=False)
    model = keras.Model(inputs, layers.Conv2D(2, 1, name="out")(conv(inputs)))
    parts = [rng.normal(size=(n, 4)) for n in (9, 4, 4)]
    conv.kernel.assign(np.einsum("tr,ir,or->tio", *parts).reshape(3, 3, 4, 4))
    taps, into, out = parts
    made = EigenPlan({"conv": Directions(into, out, taps)}, ChannelGraph(model).fingerprint)
    x = zoo.inputs_for(model)
    np.testing.assert_allclose(
        np.asarray(rewrite(model, made)(x)), np.asarray(model(x)), rtol=1e-4, atol=1e-4
    )


def test_half_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = zoo.randomise(zoo.chain())
    slim = rewrite(model, rotated(model))
    assert slim.get_layer("conv1_kfe_in").compute_dtype == "bfloat16"
    assert np.isfinite(np.asarray(keras.ops.cast(slim(zoo.inputs_for(model)), "float32"))).all()
