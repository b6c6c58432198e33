import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.ccm.loss import CCMLoss
from ccm_tf.ccm.tapped import TappedModel
from tests import zoo
from tests.ccm import reference


def watched(model, *losses):
    return [(loss, model.get_layer(loss.layer_name)) for loss in losses]


def map_of(model):
    """Some layer with channels, whichever."""
    return next(
        layer.name
        for layer in model.layers
        if not isinstance(layer, layers.InputLayer) and layer.output.shape[-1] > 1
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda make: make.__name__)
def test_outputs_are_those_of_the_model(make, training):
    model = make()
    inputs = zoo.inputs_for(model)
    state = [keras.ops.convert_to_numpy(v) for v in model.variables]
    expected = model(inputs, training=training)
    for variable, value in zip(model.variables, state, strict=True):
        variable.assign(value)
    found, _, _ = TappedModel(model)(watched(model, CCMLoss(map_of(model))), inputs, training)
    for a, b in zip(keras.tree.flatten(found), keras.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b), atol=1e-6
        )


def test_scores_per_loss_and_call():
    conv = layers.Conv1D(3, 3, padding="same", name="conv")
    inputs = keras.Input((8, 3))
    model = keras.Model(inputs, layers.Dense(2, name="dense")(conv(conv(inputs))))
    x = np.random.default_rng(0).normal(size=(4, 8, 3)).astype("float32")
    losses = watched(model, CCMLoss("dense"), CCMLoss("conv"), CCMLoss("conv", over="samples"))
    _, indices, scores = TappedModel(model)(losses, x)
    once = keras.ops.convert_to_numpy(conv(x))
    twice = keras.ops.convert_to_numpy(conv(once))
    assert indices == [1, 2, 1, 2, 0]
    expected = [
        reference.score(features, over)
        for features in (once, twice)
        for over in ("mean_map", "samples")
    ]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(scores)[:4], expected, atol=1e-5)


def test_masks_pass_through_a_tap():
    inputs = keras.Input((4,))
    x = layers.Embedding(5, 3, mask_zero=True, name="embedding")(inputs)
    model = keras.Model(inputs, layers.LSTM(2)(x))
    tokens = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
    found, _, _ = TappedModel(model)(watched(model, CCMLoss("embedding")), tokens)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found), keras.ops.convert_to_numpy(model(tokens)), atol=1e-6
    )


def test_masks_of_the_inputs():
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, layers.LSTM(2, name="lstm")(inputs))
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    mask = keras.ops.convert_to_tensor([[True, True, False, False], [True, False, False, False]])
    found, _, _ = TappedModel(model)(watched(model, CCMLoss("lstm")), x, mask=mask)
    expected = keras.ops.convert_to_numpy(model(x, mask=mask))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, atol=1e-6)
    assert np.abs(expected - keras.ops.convert_to_numpy(model(x))).max() > 1e-3


def test_training_reaches_layers_as_keras_passes_it():
    """Also to a composite layer that does not take it itself, and over a fixed argument."""

    class Composite(layers.Layer):
        def __init__(self):
            super().__init__(name="composite")
            self.dropout = layers.Dropout(0.5, seed=1)

        def call(self, x):
            return self.dropout(x)

    inputs = keras.Input((50,))
    x = Composite()(inputs)
    model = keras.Model(inputs, layers.Dropout(0.5, seed=2)(x, training=False))
    x = np.ones((2, 50), "float32")
    state = [keras.ops.convert_to_numpy(v) for v in model.variables]
    for training in (False, True):
        expected = keras.ops.convert_to_numpy(model(x, training=training))
        for variable, value in zip(model.variables, state, strict=True):
            variable.assign(value)
        found, _, _ = TappedModel(model)(watched(model, CCMLoss("composite")), x, training)
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), expected)
        for variable, value in zip(model.variables, state, strict=True):
            variable.assign(value)


def test_further_call_arguments_reach_the_layers_that_take_them():
    seen = []

    class Scaled(layers.Layer):
        def call(self, x, factor=1.0):
            seen.append(factor)
            return x * factor

    inputs = keras.Input((2,))
    model = keras.Model(inputs, layers.Dense(1, name="dense")(Scaled()(inputs)))
    seen.clear()
    TappedModel(model)(watched(model, CCMLoss("dense")), np.ones((1, 2), "float32"), factor=3.0)
    assert seen == [3.0]
