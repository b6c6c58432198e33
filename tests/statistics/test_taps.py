import types

import keras
import numpy as np
import pytest

from ccm_tf.graph import ChannelGraph, FeatureMap
from ccm_tf.graph.trace import Trace
from ccm_tf.statistics import taps
from ccm_tf.statistics.taps import feature_batches, full_batches, model_inputs
from tests import zoo

IMAGES = np.random.default_rng(0).standard_normal((10, 8, 8, 3)).astype("float32")


def branches():
    image, code = keras.Input((4, 4, 3), name="image"), keras.Input((5,), name="code")
    x = keras.layers.Conv2D(6, 3, activation="relu", name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    y = keras.layers.Dense(6, name="hidden")(code)
    x = keras.layers.Dropout(0.9)(x + y)
    return keras.Model({"image": image, "code": code}, keras.layers.Dense(2)(x))


def all_features(graph, data, **options):
    stream = list(feature_batches(graph, data, graph.feature_maps, **options))
    return [np.concatenate(arrays) for arrays in zip(*stream, strict=True)]


@pytest.mark.parametrize("build", [zoo.chain, zoo.sequential, zoo.residual])
def test_features_are_what_the_layers_give(build):
    model = build()
    graph = ChannelGraph(model)
    assert graph.feature_maps
    features = all_features(graph, IMAGES)
    for feature_map, found in zip(graph.feature_maps, features, strict=True):
        part = keras.Model(model.inputs[0], model.get_layer(feature_map.layer).output)
        np.testing.assert_allclose(found, keras.ops.convert_to_numpy(part(IMAGES)), atol=1e-5)
        assert found.dtype == np.float32


def test_batches_do_not_change_features():
    graph = ChannelGraph(zoo.residual())
    whole = all_features(graph, IMAGES)
    for found, expected in zip(all_features(graph, IMAGES, batch_size=4), whole, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_batch_sizes_are_those_of_the_data():
    graph = ChannelGraph(zoo.chain())
    sizes = [len(b[0]) for b in feature_batches(graph, IMAGES, graph.feature_maps, batch_size=4)]
    assert sizes == [4, 4, 2]
    limited = feature_batches(graph, IMAGES, graph.feature_maps, batch_size=4, max_batches=1)
    assert len(list(limited)) == 1


def test_a_smaller_last_batch_is_not_compiled_again(monkeypatch):
    compilations = []

    def counted(trace, inputs, wanted):
        compilations.append(keras.tree.flatten(inputs)[0].shape)
        return original(trace, inputs, wanted)

    original = taps.tapped
    monkeypatch.setattr(taps, "tapped", counted)
    graph = ChannelGraph(zoo.chain())
    all_features(graph, IMAGES, batch_size=5)
    even = len(compilations)
    compilations.clear()
    all_features(graph, IMAGES, batch_size=4)
    assert len(compilations) == even


def test_no_maps():
    graph = ChannelGraph(zoo.chain())
    assert list(feature_batches(graph, IMAGES, [], batch_size=5)) == [[], []]


def test_the_model_is_not_marked():
    model = zoo.residual()
    model.compile("sgd", "mse")
    before, config = model.get_weights(), model.to_json()
    graph = ChannelGraph(model)
    all_features(graph, IMAGES)
    assert model.to_json() == config
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    # `output` raises for a layer that was called on more than one symbolic tensor.
    assert all(layer.output is not None for layer in model.layers)
    assert model.optimizer.iterations == 0
    model.fit(IMAGES, np.zeros((10, *model.output_shape[1:])), verbose=0)


def test_inference_mode():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(5, name="hidden")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5, name="last")(x)
    graph = ChannelGraph(keras.Model(inputs, keras.layers.Dense(2)(x)))
    data = np.random.default_rng(0).standard_normal((6, 4)).astype("float32")
    first, again = all_features(graph, data), all_features(graph, data)
    np.testing.assert_array_equal(first[0], again[0])
    kernel, bias = graph.model.get_layer("hidden").get_weights()
    np.testing.assert_allclose(first[0], (data @ kernel + bias) / np.sqrt(1.001), atol=1e-5)


def test_several_inputs_by_name_and_in_order():
    graph = ChannelGraph(branches())
    rng = np.random.default_rng(0)
    image = rng.standard_normal((5, 4, 4, 3)).astype("float32")
    code = rng.standard_normal((5, 5)).astype("float32")
    by_name = all_features(graph, {"image": image, "code": code}, batch_size=2)
    # A list goes by sorted names, as Keras flattens dicts.
    in_order = all_features(graph, [code, image], batch_size=2)
    for one, other in zip(by_name, in_order, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"\['image'\]"):
        all_features(graph, {"code": code})
    with pytest.raises(ValueError, match="2 input.*Received 1"):
        all_features(graph, image)


def test_a_model_input_can_be_tapped():
    trace = Trace(branches())
    graph = types.SimpleNamespace(model=branches(), trace=trace)
    wanted = [types.SimpleNamespace(tensor=t, axis=-1) for t in keras.tree.flatten(trace.inputs)]
    code, image = np.ones((2, 5), "float32"), np.zeros((2, 4, 4, 3), "float32")
    (found,) = feature_batches(graph, {"image": image, "code": code}, wanted)
    np.testing.assert_array_equal(found[0], code)
    np.testing.assert_array_equal(found[1], image)


def test_channels_are_moved_last():
    graph = ChannelGraph(zoo.chain())
    (own,) = [m for m in graph.feature_maps if m.layer == "pool1"]
    moved = FeatureMap(own.tensor, own.layer, np.arange(4), 1, True)
    ((expected, found),) = feature_batches(graph, IMAGES, [own, moved])
    np.testing.assert_array_equal(found, np.moveaxis(expected, 1, -1))


def test_positions_folded_into_the_batch_axis():
    inputs = keras.Input((3, 4))
    x = keras.ops.reshape(inputs, (-1, 4))
    x = keras.layers.Dense(5, name="hidden")(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    trace = Trace(model)
    tensor = next(c for c in trace.calls if c.name == "hidden").outputs[0]
    graph = types.SimpleNamespace(model=model, trace=trace)
    data = np.random.default_rng(0).standard_normal((5, 3, 4)).astype("float32")
    wanted = [types.SimpleNamespace(tensor=tensor, axis=-1)]
    found = [b[0] for b in feature_batches(graph, data, wanted, batch_size=3)]
    assert [f.shape for f in found] == [(9, 5), (6, 5)]
    kernel, bias = model.get_layer("hidden").get_weights()
    np.testing.assert_allclose(
        np.concatenate(found), data.reshape(-1, 4) @ kernel + bias, atol=1e-5
    )


def test_integer_images_are_cast_as_in_predict():
    model = zoo.chain()
    graph = ChannelGraph(model)
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype("uint8")
    for one, other in zip(
        all_features(graph, images), all_features(graph, images.astype("float32")), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    graph = ChannelGraph(zoo.chain())
    features = all_features(graph, IMAGES)
    assert {f.dtype for f in features} == {np.dtype("float32")}
    part = keras.Model(graph.model.inputs[0], graph.model.get_layer("pool1").output)
    found = features[[m.layer for m in graph.feature_maps].index("pool1")]
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(part(IMAGES)), atol=1e-2)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_global_policy_does_not_cast_inputs(policy):
    graph = ChannelGraph(zoo.chain())
    expected = all_features(graph, IMAGES)
    keras.config.set_dtype_policy(policy)
    for one, other in zip(all_features(graph, IMAGES), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_progress_bar(capsys):
    graph = ChannelGraph(zoo.chain())
    all_features(graph, IMAGES, batch_size=5)
    assert not capsys.readouterr().out
    all_features(graph, IMAGES, batch_size=5, verbose=1)
    assert "2/2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 8, 8, 1), r"\(None, 8, 8, 3\).*\(4, 8, 8, 1\)"),
        ((8, 8, 3), r"\(8, 8, 3\).*must be batched"),
    ],
)
def test_wrong_shape_names_both(shape, message):
    trace = Trace(zoo.chain())
    with pytest.raises(ValueError, match=message):
        model_inputs(trace, np.zeros(shape))


def test_bad_data_is_refused_before_any_work():
    graph = ChannelGraph(zoo.chain())
    with pytest.raises(ValueError, match="Data is needed"):
        feature_batches(graph, None, graph.feature_maps)


@pytest.mark.tensorflow
def test_model_of_a_strategy(two_replicas):
    with two_replicas.scope():
        model = zoo.chain()
    plain = zoo.chain()
    plain.set_weights(model.get_weights())
    for one, other in zip(
        all_features(ChannelGraph(model), IMAGES, batch_size=4),
        all_features(ChannelGraph(plain), IMAGES, batch_size=4),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_labelled_batches_are_filled_up_to_the_largest():
    model = zoo.chain()
    x = zoo.inputs_for(model, batch=5)
    stream = [(x[:3], np.arange(3)), (x[3:], np.arange(2)), (x, np.arange(5))]
    trace = Trace(model)
    found = list(full_batches(trace, stream, lambda samples, y: [y]))
    assert [samples for samples, *_ in found] == [3, 2, 5]
    assert [len(inputs) for _, inputs, *_ in found] == [3, 3, 5]
    np.testing.assert_array_equal(found[1][1], x[[3, 4, 3]])
    np.testing.assert_array_equal(found[1][2][0], [0, 1, 0])
    np.testing.assert_array_equal(found[1][3], [1, 1, 0])
    with pytest.raises(ValueError, match="3 samples but labels for"):
        list(full_batches(trace, [(x[:3], np.arange(2))], lambda samples, y: [y]))
