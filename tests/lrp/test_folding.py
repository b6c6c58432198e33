import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph, Trace
from ccm_tf.lrp.folding import folded_norms
from ccm_tf.lrp.passes import Place, relevances
from ccm_tf.lrp.settings import Settings

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6, 6, 4)).astype("float32")
Y = RNG.integers(0, 3, 4)

KINDS = {
    "convolution": lambda **o: layers.Conv2D(4, 3, padding="same", **o),
    "transposed": lambda **o: layers.Conv2DTranspose(4, 3, padding="same", **o),
    "depthwise": lambda **o: layers.DepthwiseConv2D(3, padding="same", **o),
    "separable": lambda **o: layers.SeparableConv2D(4, 3, padding="same", **o),
}


def network(kind, normalised):
    inputs = keras.Input((6, 6, 4))
    x = KINDS[kind](name="one", use_bias=True)(inputs)
    if normalised:
        x = layers.BatchNormalization(name="norm")(x)
    x = layers.GlobalAveragePooling2D(name="gap")(layers.ReLU(name="relu")(x))
    x = layers.Dense(5, name="two", use_bias=True)(x)
    if normalised:
        x = layers.BatchNormalization(name="norm2")(x)
    x = layers.ReLU(name="relu2")(x)
    return keras.Model(inputs, layers.Dense(3, use_bias=False, name="logits")(x))


def folded_by_hand(kind, model):
    """The same function without normalisation: kernels and biases take it in."""
    twin = network(kind, normalised=False)
    for layer, name in (("one", "norm"), ("two", "norm2")):
        gamma, beta, mean, variance = model.get_layer(name).get_weights()
        scale = gamma / np.sqrt(variance + model.get_layer(name).epsilon)
        *kernels, bias = model.get_layer(layer).get_weights()
        along = {"transposed": scale[:, None], "depthwise": scale[:, None]}
        kernels[-1] = kernels[-1] * (along.get(kind, scale) if layer == "one" else scale)
        twin.get_layer(layer).set_weights([*kernels, beta + (bias - mean) * scale])
    twin.get_layer("logits").set_weights(model.get_layer("logits").get_weights())
    return twin


def at_the_inputs(model, **settings):
    graph = ChannelGraph(model)
    places = [Place(graph.trace.flat_inputs[0])]
    (batch,) = relevances(graph, (X, Y), places, Settings(**settings))
    return batch


@pytest.mark.parametrize("kind", KINDS)
def test_folded_normalisation_is_that_of_a_model_without(kind):
    model = network(kind, normalised=True)
    model.set_weights(
        [RNG.normal(size=w.shape) ** (2 if "var" in w.path else 1) for w in model.weights]
    )
    twin = folded_by_hand(kind, model)
    np.testing.assert_allclose(
        model.predict(X, verbose=0), twin.predict(X, verbose=0), rtol=1e-3, atol=1e-3
    )
    folded, expected = at_the_inputs(model, fold_bn=True), at_the_inputs(twin)
    scale = np.abs(expected.found[0]).max()
    np.testing.assert_allclose(folded.found[0], expected.found[0], atol=1e-4 * scale)
    np.testing.assert_array_equal(folded.predictions, expected.predictions)
    plain = at_the_inputs(model)
    assert np.abs(plain.found[0] - expected.found[0]).max() > 1e-2 * scale
    np.testing.assert_array_equal(plain.predictions, expected.predictions)


def test_only_what_normalisation_alone_reads_is_folded():
    inputs = keras.Input((6, 6, 4))

    def conv(name, **options):
        return layers.Conv2D(4, 1, name=name, **options)

    plain = layers.BatchNormalization()(conv("plain")(inputs))
    active = layers.BatchNormalization()(conv("active", activation="relu")(plain))
    shared = conv("shared")(active)
    both = layers.Add()([shared, layers.BatchNormalization()(shared)])
    unscaled = layers.BatchNormalization(scale=False)(conv("unscaled")(both))
    leaving = conv("leaving")(unscaled)
    model = keras.Model(inputs, [layers.BatchNormalization()(leaving), leaving])
    trace = Trace(model)
    assert [trace.calls[place].name for place in folded_norms(trace)] == ["plain"]
