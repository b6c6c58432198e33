import keras
import numpy as np
import pytest
from keras import layers

import ccm_tf
from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.factors import kronecker_factors
from ccm_tf.kfe.planner import plan
from ccm_tf.profile import profile
from ccm_tf.rewrite import rewrite
from tests import zoo
from tests.kfe import golden


def network(width=16):
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(width, 3, padding="same", name="conv1", use_bias=False)(inputs)
    x = layers.BatchNormalization(name="bn1")(x)
    x = layers.ReLU(name="relu1")(x)
    y = layers.Conv2D(width, 3, padding="same", activation="relu", name="conv2")(x)
    x = layers.Add(name="add")([x, y])
    x = layers.Conv2D(2 * width, 3, strides=2, padding="same", name="conv3")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(layers.ReLU(name="relu3")(x))
    x = layers.Dense(24, activation="tanh", name="hidden")(x)
    model = keras.Model(inputs, layers.Dense(5, name="logits")(x), name="network")
    return zoo.randomise(model)


@pytest.fixture
def model():
    return network()


@pytest.fixture
def images(model):
    return zoo.inputs_for(model, 24)


def test_counts_are_those_of_the_model_that_is_built(model, images):
    for settings in ({}, {"separable": "frobenius"}):
        made = plan(model, images, ratio=0.6, **settings)
        total = made.counts["dense"]["directions"]
        assert made.counts["kept"]["directions"] == total - int(0.6 * total)
        found = profile(rewrite(model, made))
        assert made.counts["kept"]["params"] == found.params
        assert made.counts["kept"]["macs"] == found.macs
        assert made.counts["dense"]["macs"] == profile(model).macs
        assert "logits" not in made.layers and "logits" not in made.spectra


@pytest.mark.parametrize("budget", [{"macs": 0.5}, {"params": 0.4}, {"params": 6000}])
def test_budgets(model, images, budget):
    made = plan(model, images, **budget)
    slim = profile(rewrite(model, made))
    ((kind, value),) = budget.items()
    dense = getattr(profile(model), kind)
    limit = value if isinstance(value, int) else value * dense
    assert 0.8 * limit < getattr(slim, kind) <= limit
    assert made.target == budget


def test_factors_or_data(model, images):
    factors = kronecker_factors(model, images)
    one, other = plan(model, factors, ratio=0.5), plan(model, images, ratio=0.5)
    assert one.layers.keys() == other.layers.keys()
    for name, directions in one.layers.items():
        np.testing.assert_array_equal(directions.inputs, other.layers[name].inputs)


def test_rescaled_scores(model, images):
    made = plan(model, images, ratio=0.5, rescale=True)
    plain = plan(model, images, ratio=0.5)
    for name, spectrum in made.spectra.items():
        assert spectrum.input_scores.sum() == pytest.approx(spectrum.output_scores.sum())
        assert not np.allclose(spectrum.input_scores, plain.spectra[name].input_scores)


def test_layers_and_keep(model, images):
    made = plan(model, images, ratio=0.5, keep=["conv2", "hid*"])
    assert set(made.spectra) == {"conv1", "conv3"}
    made = plan(model, images, ratio=0.5, layers=["logits", "conv3"])
    assert set(made.spectra) == {"conv3", "logits"}
    with pytest.raises(ValueError, match="`keep` names no layer.*bn1"):
        plan(model, images, ratio=0.5, keep=["bn1"])


def test_nothing_asked_nothing_done(model, images):
    made = plan(model, images, ratio=0)
    assert not made.layers and made.predicted_rise == 0
    np.testing.assert_array_equal(
        np.asarray(rewrite(model, made)(images)), np.asarray(model(images))
    )


def test_the_null_direction_of_a_softmax():
    """The logits' common shift says nothing: it goes first, and no probability changes."""
    model = zoo.randomise(golden.dense(6, 5, use_bias=True))
    x = zoo.inputs_for(model, 3000)
    factors = kronecker_factors(model, np.tile(x, (4, 1)), layers=["dense"])
    values, vectors = np.linalg.eigh(factors["dense"].gamma)
    assert abs(values[0]) < 1e-6 * values[-1]
    np.testing.assert_allclose(np.abs(vectors[:, 0]), np.full(5, 5**-0.5), atol=1e-4)
    made = plan(model, factors, ratio=0, layers="dense")
    spectrum = made.spectra["dense"]
    assert spectrum.output_scores[0] < 1e-6 * spectrum.output_scores[-1]
    inputs, outputs = np.eye(6), vectors[:, 1:]
    by_hand = ccm_tf.EigenPlan({"dense": ccm_tf.kfe.Directions(inputs, outputs)}, made.fingerprint)
    slim = rewrite(model, by_hand)
    a, b = (keras.ops.softmax(m(x[:50])) for m in (model, slim))
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=1e-5)


def test_inputs_of_low_rank_lose_nothing():
    rng = np.random.default_rng(0)
    inputs = keras.Input((7, 6, 5))
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="conv")(inputs)
    model = zoo.randomise(keras.Model(inputs, layers.Conv2D(3, 1, name="out")(x)))
    z = rng.integers(-3, 4, (20, 7, 6, 2)) @ rng.integers(-3, 4, (2, 5))
    data = z.astype("float32"), rng.normal(size=(20, 4, 3, 3)).astype("float32")
    factors = kronecker_factors(model, data, labels="empirical", loss=golden.linear_loss)
    made = plan(model, factors, ratio=0, layers="conv")
    spectrum = made.spectra["conv"]
    values = spectrum.input_values
    assert np.all(values[:3] < 1e-10 * values[-1]) and np.all(values[3:] > 1e-3 * values[-1])
    basis = np.linalg.eigh(factors["conv"].omega)[1][:, 3:]
    by_hand = ccm_tf.EigenPlan({"conv": ccm_tf.kfe.Directions(basis, np.eye(4))}, made.fingerprint)
    before = np.asarray(model(data[0]))
    after = np.asarray(rewrite(model, by_hand)(data[0]))
    np.testing.assert_allclose(after, before, atol=1e-5 * np.abs(before).max())


@pytest.mark.parametrize("make", [zoo.chain, zoo.residual, zoo.shared, zoo.sequence, zoo.volume])
def test_models_of_every_kind(make):
    model = zoo.randomise(make())
    made = plan(model, zoo.inputs_for(model, 8), ratio=0.3, max_ratio=0.9)
    slim = rewrite(model, made)
    assert made.layers and slim.count_params() == made.counts["kept"]["params"]
    assert profile(slim).macs == made.counts["kept"]["macs"]
    for value in zoo.outputs(slim, zoo.inputs_for(model)):
        assert np.isfinite(value).all()


def test_clear_errors(model, images):
    for bad in (1, -0.1, 1.5, True):
        with pytest.raises(ValueError, match=r"`ratio` must be in \[0, 1\)"):
            plan(model, images, ratio=bad)
    with pytest.raises(ValueError, match="exactly one"):
        plan(model, images)
    with pytest.raises(ValueError, match="exactly one"):
        plan(model, images, ratio=0.5, macs=0.5)
    with pytest.raises(ValueError, match="within the limits"):
        plan(model, images, params=100)
    with pytest.raises(ValueError, match="`accept` must be one of"):
        plan(model, images, ratio=0.5, accept="time")
    with pytest.raises(ValueError, match="`separable` must be one of"):
        plan(model, images, ratio=0.5, separable="svd")
    with pytest.raises(ValueError, match="second pass"):
        plan(model, kronecker_factors(model, images), ratio=0.5, rescale=True)
    with pytest.raises(ValueError, match="another model"):
        plan(network(8), kronecker_factors(model, images), ratio=0.5)
    with pytest.raises(ValueError, match="lack layer 'conv1'"):
        plan(model, kronecker_factors(model, images, layers=["conv2"]), ratio=0.5)
    with pytest.raises(ValueError, match="no layer to convert"):
        alone = golden.dense(3, 2)
        plan(alone, np.ones((2, 3), "float32"), ratio=0.5)
    assert ChannelGraph(model).fingerprint == ChannelGraph(network()).fingerprint
