import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.lrp.passes import Place, relevances
from ccm_tf.lrp.settings import Settings
from tests import zoo

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 8, 8, 3)).astype("float32")
Y = RNG.integers(0, 3, 6)


def network():
    """Residual, strided, pooled and concatenated, without biases and normalisation."""
    inputs = keras.Input((8, 8, 3))

    def conv(filters, name, **options):
        return layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name, **options)

    x = layers.ReLU(name="stem_relu")(conv(6, "stem")(inputs))
    y = conv(6, "b")(layers.ReLU(name="a_relu")(conv(5, "a")(x)))
    x = layers.ReLU(name="sum_relu")(layers.Add(name="sum")([x, y]))
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Concatenate(name="join")([conv(4, "left", activation="relu")(x), x])
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    x = layers.Dense(3, use_bias=False, activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, x, name="network")


def every_map(model, data, **options):
    graph = ChannelGraph(model)
    places = [Place(call.outputs[0]) for call in graph.trace.calls]
    places += [Place(tensor) for tensor in graph.trace.flat_inputs]
    names = [*(call.name for call in graph.trace.calls), "input"]
    batches = list(relevances(graph, data, places, Settings(), **options))
    maps = [np.concatenate([b.found[i] for b in batches]) for i in range(len(places))]
    return dict(zip(names, maps, strict=True)), batches


def test_i1_relevance_is_one_at_every_cut_of_the_network():
    maps, batches = every_map(network(), (X, Y))
    for cut in (("input",), ("stem_relu",), ("sum",), ("pool",), ("join",), ("gap",)):
        total = sum(maps[name].reshape(len(X), -1).sum(axis=1) for name in cut)
        np.testing.assert_allclose(total, 1, atol=1e-4, err_msg=str(cut))
    assert np.abs(maps["a"].reshape(len(X), -1).sum(axis=1) - 1).max() > 0.01
    assert maps["input"].shape == X.shape


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    maps, _ = every_map(network(), (X, Y))
    for name in ("input", "stem_relu", "sum", "pool", "join", "gap"):
        total = maps[name].reshape(len(X), -1).sum(axis=1)
        np.testing.assert_allclose(total, 1, atol=0.05, err_msg=name)


def test_sums_over_positions_labels_and_predictions():
    model = network()
    maps, _ = every_map(model, (X, Y))
    graph = ChannelGraph(model)
    places = [Place(m.tensor, m.axis) for m in graph.feature_maps]
    # The last batch is smaller, and one-hot labels say the same.
    batches = list(relevances(graph, (X, np.eye(3)[Y]), places, Settings(), batch_size=4))
    assert [len(batch.labels) for batch in batches] == [4, 2]
    for at, feature_map in enumerate(graph.feature_maps):
        found = np.concatenate([batch.found[at] for batch in batches])
        expected = maps[feature_map.layer]
        expected = expected.reshape(len(X), -1, expected.shape[-1]).sum(axis=1)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    predictions = model.predict(X, verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(np.concatenate([b.predictions for b in batches]), predictions)
    np.testing.assert_array_equal(np.concatenate([b.labels for b in batches]), Y)


@pytest.mark.parametrize(
    "make", [zoo.chain, zoo.sequential, zoo.squeeze_excite, zoo.padded_shortcut, zoo.slices]
)
def test_any_graph_can_be_gone_through(make):
    model = zoo.randomise(make())
    data = (zoo.inputs_for(model, 4), zoo.labels_for(model, 4))
    maps, _ = every_map(model, data)
    for name, found in maps.items():
        assert np.all(np.isfinite(found)), name
    assert np.any(maps["input"])


def test_a_model_that_is_no_classifier_is_refused():
    with pytest.raises(ValueError, match="one output with a number per class"):
        relevances(ChannelGraph(zoo.shared()), (X, Y), [], Settings())


def test_labels_out_of_range_are_refused():
    graph = ChannelGraph(network())
    with pytest.raises(ValueError, match="classes from 0 to 2"):
        list(relevances(graph, (X, Y + 1), [], Settings()))
