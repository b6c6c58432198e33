import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.ccm.correlation import OVER
from ccm_tf.ccm.loss import CCMLoss
from tests.ccm import reference


def model_with(loss, x, outputs=1):
    """A functional model that predicts zeros, with the loss as a layer on its input."""
    inputs = keras.Input(x.shape[1:])
    y = loss(inputs)
    return keras.Model(
        inputs, layers.Dense(outputs, kernel_initializer="zeros")(layers.Flatten()(y))
    )


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_loss_in_fit_but_not_in_evaluate(over, jit_compile):
    x = reference.t6(True).astype("float32")
    model = model_with(CCMLoss(weight=0.5, over=over), x)
    model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=jit_compile)
    y = np.full((3, 1), 2.0)
    history = model.fit(x, y, batch_size=3, verbose=0, validation_data=(x, y)).history
    assert history["loss"][0] == pytest.approx(4 - 0.5 * reference.score(x, over), abs=1e-5)
    assert history["val_loss"][0] == pytest.approx(4, abs=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_call_returns_the_tensor_unchanged(dtype):
    keras.config.set_dtype_policy("mixed_float16")
    x = keras.ops.cast(reference.t6(False), dtype)
    loss = CCMLoss()
    for training in (True, False, None):
        y = loss(x, training=training)
        assert keras.backend.standardize_dtype(y.dtype) == dtype
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(y), keras.ops.convert_to_numpy(x))
        assert len(loss.losses) == (1 if training else 0)


def test_mixed_precision_correlates_in_float32():
    keras.config.set_dtype_policy("mixed_float16")
    x = reference.t6(True).astype("float16")
    loss = CCMLoss(weight=1.0)
    loss(x, training=True)
    assert keras.backend.standardize_dtype(loss.losses[0].dtype) == "float32"
    assert float(loss.losses[0]) == pytest.approx(-reference.score(x), abs=1e-6)


def test_symbolic_output_has_shape_and_dtype_of_the_input():
    x = keras.Input((None, None, 3), dtype="float16")
    y = CCMLoss()(x)
    assert y.shape == x.shape
    assert y.dtype == "float16"


def test_unknown_image_size():
    x = reference.t6(True).astype("float32")
    inputs = keras.Input((None, None, 5))
    y = layers.GlobalAveragePooling2D()(CCMLoss(weight=1.0)(inputs))
    model = keras.Model(inputs, layers.Dense(1, kernel_initializer="zeros")(y))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    loss = model.train_on_batch(x, np.zeros((3, 1)))
    assert float(np.ravel(loss)[0]) == pytest.approx(-reference.score(x), abs=1e-6)


def test_masks_go_through():
    inputs = keras.Input((4,))
    x = layers.Embedding(5, 3, mask_zero=True)(inputs)
    y = CCMLoss()(x)
    model = keras.Model(inputs, layers.LSTM(2)(y))
    with_loss = model(np.array([[1, 2, 0, 0]]))
    shorter = model.layers[-1](model.layers[1](np.array([[1, 2]])))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(with_loss), keras.ops.convert_to_numpy(shorter), atol=1e-6
    )


def test_refers_to_a_layer_without_owning_it():
    layer = layers.Dense(3, name="hidden")
    loss = CCMLoss(layer)
    layer.build((None, 2))
    assert loss.layer is layer
    assert loss.layer_name == "hidden"
    assert loss.weights == []


@pytest.mark.parametrize("layer", [None, "relu", layers.ReLU(name="relu")], ids=type)
def test_config_round_trip(layer):
    loss = CCMLoss(layer, 0.2, "samples", synchronized=False, epsilon=1e-8, name="my_loss")
    config = loss.get_config()
    assert config["layer"] == (None if layer is None else "relu")
    copy = CCMLoss.from_config(config)
    assert copy.get_config() == config
    assert (copy.weight, copy.over, copy.synchronized) == (0.2, "samples", False)
    assert copy.epsilon == 1e-8


def test_save_and_load_in_a_plain_model(tmp_path):
    x = reference.t6(True).astype("float32")
    model = model_with(CCMLoss(weight=0.5), x)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    history = loaded.fit(x, np.zeros((3, 1)), batch_size=3, verbose=0).history
    assert history["loss"][0] == pytest.approx(-0.5 * reference.score(x), abs=1e-6)


# On JAX a Keras model forgets the first term of any layer that it calls twice.
@pytest.mark.tensorflow
def test_shared_loss_counts_each_call():
    x = reference.t6(True).astype("float32")
    loss = CCMLoss(weight=0.5)
    inputs = keras.Input(x.shape[1:])
    y = loss(loss(inputs) * 3)
    model = keras.Model(inputs, layers.Dense(1, kernel_initializer="zeros")(layers.Flatten()(y)))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    history = model.fit(x, np.zeros((3, 1)), batch_size=3, verbose=0).history
    assert history["loss"][0] == pytest.approx(-reference.score(x), abs=1e-5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"layer": 3}, "Received: layer=3 .of type int"),
        ({"over": "pixels"}, "over='pixels'"),
        ({"epsilon": -1}, "epsilon=-1"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CCMLoss(**options)


def test_input_without_channels_is_refused():
    with pytest.raises(ValueError, match="input of CCMLoss of shape"):
        CCMLoss()(np.ones(3, "float32"))
    with pytest.raises(ValueError, match="input of CCMLoss of shape"):
        CCMLoss()(keras.KerasTensor((None,)))
    with pytest.raises(ValueError, match="float dtype. Received: dtype=int32"):
        CCMLoss()(keras.Input((4, 3), dtype="int32"))


@pytest.mark.tensorflow
@pytest.mark.parametrize("synchronized", [True, False])
@pytest.mark.parametrize("over", OVER)
def test_two_replicas_report_the_loss_once(two_replicas, over, synchronized):
    x = np.random.default_rng(0).normal(size=(8, 4, 4, 3)).astype("float32")
    y = np.zeros((8, 1))
    with two_replicas.scope():
        inputs = keras.Input(x.shape[1:])
        # Two losses with a layer between them whose variables make the replicas wait.
        h = CCMLoss(weight=0.5, over=over, synchronized=synchronized)(inputs)
        h = layers.BatchNormalization(synchronized=True)(h)
        h = CCMLoss(weight=0.5, over=over, synchronized=synchronized)(h)
        h = layers.Dense(1, kernel_initializer="zeros")(layers.Flatten()(h))
        model = keras.Model(inputs, h)
        model.compile(keras.optimizers.SGD(0.0), "mse", jit_compile=False)
    loss = model.fit(x, y, batch_size=8, shuffle=False, verbose=0).history["loss"][0]
    shares = [x] if synchronized else [x[:4], x[4:]]
    # Batch normalisation scales and shifts channels, which leaves their correlation alone.
    expected = -np.mean([reference.score(share, over) for share in shares])
    assert loss == pytest.approx(expected, abs=1e-5)
