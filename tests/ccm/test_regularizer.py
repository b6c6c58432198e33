import keras
import numpy as np
import pytest
from keras import ops

from ccm_tf.ccm.correlation import OVER
from ccm_tf.ccm.regularizer import CCMRegularizer
from tests.ccm import reference


def contribution(x, regularizer):
    """What a layer with this activity regularizer adds to a model's loss."""
    layer = keras.layers.Identity(activity_regularizer=regularizer)
    layer(ops.cast(x, layer.compute_dtype))
    (loss,) = layer.losses
    return float(loss)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("images", [1, 2, 3])
def test_contribution_is_exact_whatever_the_batch_size(over, images):
    # The canary for what Keras does to activity regularization: divide by the batch size.
    x = reference.t6(True)[:images]
    expected = -0.5 * reference.score(x, over)
    assert contribution(x, CCMRegularizer(0.5, over)) == pytest.approx(expected, abs=1e-6)


def test_contribution_without_pixels():
    x = np.random.default_rng(0).normal(size=(8, 5))
    assert contribution(x, CCMRegularizer(2.0)) == pytest.approx(-2 * reference.score(x), abs=1e-6)


def test_gradient_equals_finite_differences():
    x = reference.t6(False)
    regularizer = CCMRegularizer(1.0)
    found = reference.gradient(regularizer, x.astype("float32"))
    # Called directly it is not yet divided by the batch size.
    expected = -len(x) * reference.finite_differences(reference.score, x)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=5e-6)


def test_float16_activations_are_correlated_in_float32():
    keras.config.set_dtype_policy("mixed_float16")
    x = reference.t6(True)
    assert contribution(x, CCMRegularizer(0.5)) == pytest.approx(
        -0.5 * reference.score(x.astype("float16")), abs=1e-6
    )


@pytest.mark.parametrize("over", OVER)
def test_fit_reports_the_term(over):
    x = reference.t6(True).astype("float32")
    inputs = keras.Input(x.shape[1:])
    outputs = keras.layers.Identity(activity_regularizer=CCMRegularizer(0.5, over))(inputs)
    outputs = keras.layers.Dense(1, kernel_initializer="zeros")(keras.layers.Flatten()(outputs))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    history = model.fit(x, np.zeros((3, 1)), batch_size=3, verbose=0).history
    assert history["loss"][0] == pytest.approx(-0.5 * reference.score(x, over), abs=1e-6)


def test_config_round_trip():
    regularizer = CCMRegularizer(0.2, "samples", 1e-8)
    config = regularizer.get_config()
    assert config == {"weight": 0.2, "over": "samples", "epsilon": 1e-8}
    assert CCMRegularizer.from_config(config).get_config() == config
    layer = keras.layers.Dense(3, activity_regularizer=regularizer)
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(copy.activity_regularizer, CCMRegularizer)
    assert copy.activity_regularizer.get_config() == config


@pytest.mark.parametrize("options", [{"over": "pixels"}, {"epsilon": -1}])
def test_bad_options_are_refused(options):
    with pytest.raises(ValueError, match="Received"):
        CCMRegularizer(**options)


def test_output_without_channels_is_refused():
    with pytest.raises(ValueError, match="regularized output of shape"):
        CCMRegularizer()(np.ones(3, "float32"))
