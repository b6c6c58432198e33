import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.ccm.correlation import OVER
from ccm_tf.ccm.loss import CCMLoss
from ccm_tf.ccm.model import Model
from tests import zoo
from tests.ccm import reference

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(12, 8, 8, 3)).astype("float32")
LABELS = RNG.integers(0, 3, size=12)


def small(cls=Model, **options):
    """A convolution with batch normalisation, one with a fused activation, and a classifier."""
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(6, 3, use_bias=False, name="conv1")(inputs)
    x = layers.BatchNormalization(name="bn1")(x)
    x = layers.ReLU(name="relu1")(x)
    x = layers.Conv2D(4, 3, activation="relu", name="conv2")(x)
    x = layers.Dropout(0.3, seed=1, name="dropout")(layers.Flatten(name="flatten")(x))
    return cls(inputs, layers.Dense(3, name="logits")(x), **options)


def compiled(model, learning_rate=0.1, **options):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(learning_rate, momentum=0.9), loss, **options)
    return model


def fit(model, epochs=1, **options):
    options = {"batch_size": 6, "shuffle": False, "verbose": 0, **options}
    return model.fit(IMAGES, LABELS, epochs=epochs, **options).history


def feature_of(model, layer, training=True):
    """Output of a layer of a fresh copy of the model, in training mode, as numpy."""
    copy = keras.models.clone_model(keras.Model(model.input, model.output))
    copy.set_weights(model.get_weights())
    view = keras.Model(copy.input, copy.get_layer(layer).output)
    return keras.ops.convert_to_numpy(view(IMAGES, training=training))


def test_t7_total_loss():
    """CE 1.0 minus 0.1 times the S of T3 and of T1."""
    images = reference.maps(reference.T3 + reference.T1).astype("float32")
    inputs = keras.Input((2, 2, 8))
    a, b = layers.Identity(name="a")(inputs[..., :4]), layers.Identity(name="b")(inputs[..., 4:])
    flat = layers.Flatten()(layers.Concatenate()([a, b]))
    model = Model(inputs, layers.Dense(1, kernel_initializer="zeros")(flat))
    for name in ("a", "b"):
        model.add_loss(CCMLoss(model.get_layer(name), weight=0.1))
    model.compile("sgd", "mse")
    history = model.fit(images, np.ones((1, 1)), verbose=0).history
    assert history["loss"][0] == pytest.approx(0.895016032, abs=1e-6)
    assert history["ccm/a"][0] == pytest.approx(0.674839684, abs=1e-6)
    assert history["ccm/b"][0] == pytest.approx(0.375, abs=1e-6)
    assert history["ccm"][0] == pytest.approx((0.674839684 + 0.375) / 2, abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [{}, {"jit_compile": True}, {"run_eagerly": True}, {"steps_per_execution": 2}],
    ids=str,
)
def test_reported_loss_is_the_plain_loss_minus_the_weighted_scores(options):
    model = small()
    # XLA draws other random numbers.
    model.get_layer("dropout").rate = 0.0
    plain = Model.from_model(model)
    start = [keras.ops.convert_to_numpy(v) for v in model.variables]
    plain_loss = fit(compiled(plain, learning_rate=0.0))["loss"][0]
    for variable, value in zip(model.variables, start, strict=True):
        variable.assign(value)
    model.add_loss(CCMLoss(model.get_layer("relu1"), 0.5))
    model.add_loss(CCMLoss(model.get_layer("conv2"), 0.25, "samples"))
    history = fit(compiled(model, learning_rate=0.0, **options))
    scores = history["ccm/relu1"][0], history["ccm/conv2"][0]
    assert history["loss"][0] == pytest.approx(plain_loss - np.dot([0.5, 0.25], scores), abs=1e-5)
    assert history["ccm"][0] == pytest.approx(np.mean(scores), abs=1e-6)


@pytest.mark.parametrize("over", OVER)
def test_scores_are_those_of_the_layers_outputs(over):
    model = compiled(small(), learning_rate=0.0)
    expected = {name: reference.score(feature_of(model, name), over) for name in ("bn1", "conv2")}
    for name in expected:
        model.add_loss(CCMLoss(name, over=over))
    history = fit(model, batch_size=12)
    for name, value in expected.items():
        assert history[f"ccm/{name}"][0] == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize("over", OVER)
def test_trains_like_the_layer_in_the_graph(over):
    """The watched model makes the same steps as one with CCMLoss built in."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, activation="relu", name="conv")(inputs)
    outputs = layers.Dense(3)(layers.Flatten()(x))
    model = Model(inputs, outputs)
    model.add_loss(CCMLoss(model.get_layer("conv"), 2.0, over))
    x = layers.Conv2D(6, 3, activation="relu")(inputs)
    built_in = keras.Model(
        inputs, layers.Dense(3)(layers.Flatten()(CCMLoss(weight=2.0, over=over)(x)))
    )
    built_in.set_weights(model.get_weights())
    found, expected = fit(compiled(model), 3), fit(compiled(built_in), 3)
    np.testing.assert_allclose(found["loss"], expected["loss"], atol=1e-5)
    for a, b in zip(model.get_weights(), built_in.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert found["ccm"][-1] > found["ccm"][0]


def test_a_weight_of_zero_trains_like_a_plain_model():
    model, plain = small(), small(keras.Model)
    plain.set_weights(model.get_weights())
    model.add_loss(CCMLoss("relu1", weight=0.0))
    found, expected = fit(compiled(model), 2)["loss"], fit(compiled(plain), 2)["loss"]
    # Bit for bit where nothing is compiled differently: XLA fuses operations in other ways.
    tolerance = 0 if keras.backend.backend() == "tensorflow" else 1e-6
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda make: make.__name__)
def test_any_model_trains_watched_as_it_trains_plain(make):
    plain = make()
    model = Model.from_model(plain)
    inputs = zoo.inputs_for(model, batch=4)
    targets = keras.tree.map_structure(
        lambda y: np.zeros(y.shape, "float32"), model.predict(inputs, verbose=0)
    )
    for call in model.operations:
        shape = getattr(call, "output", model.outputs[0]).shape
        if len(shape) > 1 and shape[-1] > 1 and not isinstance(call, layers.InputLayer):
            model.add_loss(CCMLoss(call, weight=0.0))
            break
    assert model.ccm_losses
    # With the states of random generators, which weights leave out.
    start = [keras.ops.convert_to_numpy(v) for v in model.variables]
    runs = []
    for candidate in (plain, model):
        for variable, value in zip(model.variables, start, strict=True):
            variable.assign(value)
        candidate.compile(keras.optimizers.SGD(0.01), "mse")
        candidate.fit(inputs, targets, batch_size=4, shuffle=False, verbose=0)
        runs.append(candidate.get_weights())
    for a, b in zip(*runs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_loss_is_free_of_ccm_in_evaluate_and_predict():
    model = compiled(small())
    model.add_loss(CCMLoss("relu1", weight=5.0))
    history = fit(model, 2, validation_data=(IMAGES, LABELS))
    assert {key for key in history if key.startswith("val_")} == {"val_loss"}
    plain = compiled(keras.Model(model.input, model.output))
    found = model.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
    expected = plain.evaluate(IMAGES, LABELS, verbose=0, return_dict=True)
    assert found == expected
    assert history["val_loss"][-1] == pytest.approx(found["loss"])
    assert model.test_on_batch(IMAGES, LABELS, return_dict=True).keys() == {"loss"}
    np.testing.assert_array_equal(
        model.predict(IMAGES, verbose=0), plain.predict(IMAGES, verbose=0)
    )


def test_validation_does_not_disturb_the_scores():
    model = compiled(small(), learning_rate=0.0)
    model.add_loss(CCMLoss("conv2"))
    without = fit(model, 2)
    with_validation = fit(model, 2, validation_data=(IMAGES, LABELS))
    assert without["ccm/conv2"] == with_validation["ccm/conv2"]


@pytest.mark.parametrize("compile_first", [True, False])
def test_add_loss_before_and_after_compile(compile_first):
    model = small()
    if compile_first:
        compiled(model)
    model.add_loss(CCMLoss("relu1"))
    if not compile_first:
        compiled(model)
    assert "ccm/relu1" in fit(model)


def test_a_loss_added_after_fit_takes_effect():
    model = compiled(small(), learning_rate=0.0)
    before = fit(model)
    assert set(before) == {"loss"}
    model.add_loss(CCMLoss("conv2", weight=3.0))
    one = fit(model)
    assert one["ccm/conv2"][0] > 0
    model.add_loss(CCMLoss("relu1", weight=3.0))
    two = fit(model)
    assert set(two) == {"loss", "ccm", "ccm/conv2", "ccm/relu1"}
    assert two["loss"][0] < one["loss"][0] < before["loss"][0]


def test_a_callback_may_add_a_loss_while_fitting():
    model = compiled(small())
    add = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epoch == 1 and model.add_loss(CCMLoss("conv2"))
    )
    assert "ccm" in fit(model, 2, callbacks=[add])


def test_several_losses_on_one_layer_add_up():
    model = compiled(small(), learning_rate=0.0)
    plain = fit(model)["loss"][0]
    model.add_loss(CCMLoss("conv2", weight=0.5))
    model.add_loss(CCMLoss("conv2", weight=0.25, over="samples"))
    history = fit(model)
    scores = history["ccm/conv2"][0], history["ccm/conv2_1"][0]
    assert scores[0] > scores[1]
    # Another dropout mask changes the plain loss a little.
    assert history["loss"][0] == pytest.approx(plain - np.dot([0.5, 0.25], scores), abs=0.5)


def test_shared_layer_counts_every_call():
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    inputs = keras.Input((8, 8, 4))
    outputs = layers.Dense(1, kernel_initializer="zeros")(
        layers.Flatten()(shared(layers.ReLU()(shared(inputs))))
    )
    model = Model(inputs, outputs)
    model.add_loss(CCMLoss(shared, weight=1.0))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    x = RNG.normal(size=(4, 8, 8, 4)).astype("float32")
    history = model.fit(x, np.zeros((4, 1)), verbose=0).history
    first = shared(x)
    second = shared(keras.ops.relu(first))
    scores = [reference.score(keras.ops.convert_to_numpy(y)) for y in (first, second)]
    assert history["loss"][0] == pytest.approx(-sum(scores), abs=1e-5)
    assert history["ccm/shared"][0] == pytest.approx(np.mean(scores), abs=1e-5)


def test_several_inputs_and_outputs_by_name():
    a, b = keras.Input((6, 3), name="a"), keras.Input((6, 3), name="b")
    h = layers.Conv1D(4, 3, name="conv")(layers.Concatenate()([a, b]))
    p = layers.Dense(1, name="p")(layers.Flatten()(h))
    q = layers.Dense(2, name="q")(layers.GlobalAveragePooling1D()(h))
    model = Model({"a": a, "b": b}, {"p": p, "q": q})
    model.add_loss(CCMLoss("conv", weight=1.0))
    model.compile("sgd", {"p": "mse", "q": "mse"})
    x = {"a": RNG.normal(size=(5, 6, 3)), "b": RNG.normal(size=(5, 6, 3))}
    y = {"p": np.zeros((5, 1)), "q": np.zeros((5, 2))}
    history = model.fit(x, y, verbose=0).history
    assert 0 < history["ccm/conv"][0] <= 1


def test_inputs_are_converted_as_keras_does():
    inputs = keras.Input((8, 1), dtype="float32")
    x = layers.Conv1D(3, 3, name="conv")(inputs)
    model = Model([inputs], [layers.Dense(1)(layers.Flatten()(x))])
    model.add_loss(CCMLoss("conv"))
    for images in (np.ones((2, 8, 1), "uint8"), np.ones((2, 8), "float32"), [np.ones((2, 8, 1))]):
        outputs = model(images, training=True)
        assert tuple(outputs.shape) == (2, 1)
        assert keras.backend.standardize_dtype(outputs.dtype) == "float32"


def test_raw_operation_can_be_watched():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="conv")(inputs)
    total = x + keras.ops.relu(x)
    model = Model(inputs, layers.Dense(3)(layers.Flatten()(total)))
    operation = next(op for op in model.operations if op.name.startswith("add"))
    model.add_loss(CCMLoss(operation))
    assert fit(compiled(model))[f"ccm/{operation.name}"][0] > 0


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    model = small()
    model.add_loss(CCMLoss("relu1", weight=0.5))
    model.add_loss(CCMLoss("conv2", weight=0.5, over="samples"))
    history = fit(compiled(model), 3)
    assert np.isfinite(history["loss"]).all()
    assert 1 / 6 <= history["ccm/relu1"][0] <= 1
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)


def test_dead_channels_train_on():
    model = small()
    kernel = model.get_layer("conv1").kernel
    model.get_layer("bn1").gamma.assign(np.array([0, 0, 1, 1, 1, 1], "float32"))
    kernel.assign(keras.ops.convert_to_numpy(kernel))
    model.add_loss(CCMLoss("relu1", weight=1.0))
    history = fit(compiled(model), 2)
    assert np.isfinite(history["loss"]).all()
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_layers_stay_as_they_are():
    plain = small(keras.Model)

    def marks():
        return {
            layer.name: (layer.get_config(), sorted(vars(layer)), len(layer._inbound_nodes))
            for layer in plain.layers
        }

    before = marks()
    model = Model.from_model(plain)
    model.add_loss(CCMLoss(plain.get_layer("relu1"), weight=1.0))
    fit(compiled(model))
    assert marks() == before
    assert model.layers == plain.layers
    assert [w.path for w in model.weights] == [w.path for w in plain.weights]
    assert [layer.name for layer in plain.layers if layer.losses] == []
    assert set(fit(compiled(plain))) == {"loss"}


def test_from_model_of_a_sequential():
    sequential = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    model = Model.from_model(sequential)
    assert model.name == sequential.name
    model.add_loss(CCMLoss(sequential.layers[0]))
    assert fit(compiled(model))["ccm/conv"][0] > 0
    np.testing.assert_array_equal(
        model.predict(IMAGES, verbose=0), sequential.predict(IMAGES, verbose=0)
    )


def test_from_model_keeps_losses_and_policy():
    keras.config.set_dtype_policy("mixed_float16")
    model = small(name="net")
    keras.config.set_dtype_policy("float32")
    model.add_loss(CCMLoss("relu1", weight=0.2))
    copy = Model.from_model(model)
    assert copy.dtype_policy.name == "mixed_float16"
    assert [loss.get_config() for loss in copy.ccm_losses] == [
        loss.get_config() for loss in model.ccm_losses
    ]
    model.add_loss(CCMLoss("conv2"))
    assert len(copy.ccm_losses) == 1


def test_save_and_load(tmp_path):
    model = compiled(small(name="net"))
    model.add_loss(CCMLoss(model.get_layer("relu1"), 0.3, "samples", epsilon=1e-8))
    model.add_loss(CCMLoss(model.get_layer("conv2"), 0.2, synchronized=False))
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is Model
    assert [loss.get_config() for loss in loaded.ccm_losses] == [
        loss.get_config() for loss in model.ccm_losses
    ]
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # Dropout's generator goes on from its seed in the loaded model, so it is left out here.
    for each in (model, loaded):
        each.get_layer("dropout").rate = 0.0
        each.make_train_function(force=True)
    found, expected = fit(loaded, 2), fit(model, 2)
    assert found.keys() == expected.keys()
    for key in expected:
        np.testing.assert_allclose(found[key], expected[key], atol=1e-6, err_msg=key)


def test_config_round_trip_and_clone():
    model = small(name="net")
    model.add_loss(CCMLoss("relu1", weight=0.3))
    copy = Model.from_config(model.get_config())
    assert type(copy) is Model
    assert copy.get_config() == model.get_config()
    assert copy.ccm_losses[0] is not model.ccm_losses[0]
    assert "ccm/relu1" in fit(compiled(copy))
    # Documented: cloning copies the network only.
    clone = keras.models.clone_model(model)
    assert type(clone) is Model
    assert clone.ccm_losses == ()


def test_weights_files_fit_the_plain_model(tmp_path):
    model, plain = small(), small(keras.Model)
    model.add_loss(CCMLoss("relu1"))
    fit(compiled(model))
    model.save_weights(tmp_path / "net.weights.h5")
    plain.load_weights(tmp_path / "net.weights.h5")
    np.testing.assert_array_equal(
        model.predict(IMAGES, verbose=0), plain.predict(IMAGES, verbose=0)
    )


def nested(cls, inner):
    inputs = keras.Input((8, 8, 3), name="outer_image")
    x = layers.Conv2D(3, 3, padding="same", name="conv0")(inputs)
    return cls(inputs, inner(x), name="outer")


def test_inside_a_plain_model():
    inner = small(name="inner")
    inner.add_loss(CCMLoss("relu1", weight=4.0))
    outer = compiled(nested(keras.Model, inner), learning_rate=0.0)
    plain = nested(keras.Model, keras.Model(inner.input, inner.output, name="plain"))
    plain.set_weights(outer.get_weights())
    with_loss = fit(outer)["loss"][0]
    assert with_loss < fit(compiled(plain, learning_rate=0.0))["loss"][0] - 4 / 6 + 0.2


def test_layers_of_nested_models_are_watched_where_they_are():
    inner = small(keras.Model, name="inner")
    outer = compiled(nested(Model, inner), learning_rate=0.0)
    outer.add_loss(CCMLoss(inner.get_layer("relu1")))
    outer.add_loss(CCMLoss("conv0"))
    assert set(fit(outer)) == {"loss", "ccm", "ccm/relu1", "ccm/conv0"}
    assert type(Model.from_config(outer.get_config()).ccm_losses[0]) is CCMLoss


def test_losses_of_nested_models_count_beside_the_outer_models_own():
    inner = small(name="inner")
    inner.add_loss(CCMLoss("relu1", weight=4.0))
    outer = compiled(nested(Model, inner), learning_rate=0.0)
    outer.add_loss(CCMLoss("conv0", weight=0.0))
    outer(IMAGES, training=True)
    assert [float(loss) < -4 / 6 for loss in outer.losses] == [False, True]
    assert set(fit(outer)) == {"loss", "ccm", "ccm/conv0"}


def test_custom_loops_find_the_terms_in_losses():
    model = small()
    model.add_loss(CCMLoss("bn1", weight=0.5))
    model.add_loss(CCMLoss("conv2", weight=0.5))
    model(IMAGES, training=True)
    assert len(model.losses) == 2
    expected = reference.score(feature_of(model, "conv2"))
    assert float(model.losses[1]) == pytest.approx(-0.5 * expected, abs=1e-5)
    model(IMAGES, training=False)
    assert model.losses == []


def test_train_on_batch_reports_the_mean():
    model = compiled(small())
    model.add_loss(CCMLoss("relu1"))
    logs = model.train_on_batch(IMAGES, LABELS, return_dict=True)
    assert set(logs) == {"loss", "ccm"}
    assert model.ccm_scores()["ccm/relu1"] == pytest.approx(float(logs["ccm"]), abs=1e-6)


def test_arguments_by_name_and_trainable():
    inputs = keras.Input((3,))
    model = Model(inputs=inputs, outputs=layers.Dense(2)(inputs), name="net", trainable=False)
    assert (model.name, model.trainable) == ("net", False)
    assert Model.from_config(model.get_config()).trainable is False


def test_without_losses_it_is_a_plain_model():
    assert set(fit(compiled(small()))) == {"loss"}
    assert small().ccm_scores() == {}


class Subclassed(keras.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize(
    "model, message",
    [
        (Subclassed, "subclassed"),
        (lambda: keras.Sequential([layers.Dense(2)]), "not built"),
        (lambda: "net", "Expected a built functional or sequential `keras.Model`"),
    ],
)
def test_from_model_refuses_what_has_no_graph(model, message):
    with pytest.raises(ValueError, match=message):
        Model.from_model(model())


@pytest.mark.parametrize("loss", [0.1, lambda: 0.1, keras.losses.MeanSquaredError()], ids=type)
def test_add_loss_refuses_other_penalties(loss):
    model = small()
    with pytest.raises(ValueError, match=r"takes a `ccm_tf.CCMLoss\(layer\)`.*Received: .*of type"):
        model.add_loss(loss)
    with pytest.raises(ValueError, match="takes a `ccm_tf.CCMLoss"):
        model.add_loss(keras.ops.ones(()))


def test_a_refused_loss_leaves_no_trace():
    model = compiled(small())
    with pytest.raises(ValueError, match="not part of model"):
        model.add_loss(CCMLoss("relu2"))
    assert model.ccm_losses == ()
    assert model.ccm_scores() == {}
    assert set(fit(model)) == {"loss"}


def test_plain_models_refuse_add_loss():
    # As documented in CCMLoss: Keras raises before it looks at what it was given.
    with pytest.raises(NotImplementedError):
        small(keras.Model).add_loss(CCMLoss("relu1"))
    with pytest.raises(ValueError, match="on a tensor input"):
        keras.Sequential([keras.Input((2, 3)), layers.ReLU(name="relu1")]).add_loss(
            CCMLoss("relu1")
        )


@pytest.mark.parametrize("arguments", [(), (small,)])
def test_a_model_needs_inputs_and_outputs(arguments):
    with pytest.raises(ValueError, match=r"`ccm_tf.Model.from_model\(model\)`"):
        Model(*(make(keras.Model) for make in arguments))


@pytest.mark.tensorflow
@pytest.mark.parametrize("over", OVER)
def test_two_replicas_train_like_one_device(two_replicas, over):
    def build():
        inputs = keras.Input((8, 8, 3))
        x = layers.Conv2D(6, 3, use_bias=False, name="conv1")(inputs)
        x = layers.BatchNormalization(synchronized=True, name="bn1")(x)
        x = layers.ReLU(name="relu1")(x)
        x = layers.Conv2D(4, 3, activation="relu", name="conv2")(x)
        model = Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
        model.add_loss(CCMLoss("relu1", 0.5, over))
        model.add_loss(CCMLoss("conv2", 0.5, over))
        return compiled(model, jit_compile=False, metrics=["accuracy"])

    one = build()
    with two_replicas.scope():
        two = build()
    two.set_weights(one.get_weights())
    expected, found = fit(one, 2), fit(two, 2)
    assert found.keys() == expected.keys()
    for key in expected:
        np.testing.assert_allclose(found[key], expected[key], atol=1e-5, err_msg=key)
    for a, b in zip(one.weights, two.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), atol=1e-5, err_msg=a.path)


@pytest.mark.tensorflow
def test_from_model_stays_in_the_strategy(two_replicas):
    with two_replicas.scope():
        plain = small(keras.Model)
    model = Model.from_model(plain)
    assert model.distribute_strategy is two_replicas
    model.add_loss(CCMLoss("relu1", weight=1.0))
    with two_replicas.scope():
        compiled(model, jit_compile=False)
    assert 0 < fit(model)["ccm"][0] <= 1


@pytest.mark.tensorflow
def test_export_is_an_ordinary_model(tmp_path):
    import tensorflow as tf

    model = compiled(small())
    model.add_loss(CCMLoss("relu1"))
    fit(model)
    model.export(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(loaded.serve(IMAGES), model.predict(IMAGES, verbose=0), atol=1e-6)
