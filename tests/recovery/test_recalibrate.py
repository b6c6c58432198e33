import keras
import numpy as np
import pytest

from ccm_tf.recovery import recalibrate as module
from ccm_tf.recovery.recalibrate import recalibrate
from tests import zoo

layers = keras.layers


def images(count=10, shape=(8, 8, 3), seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((count, *shape)) * 3 + 1).astype("float32")


def split(model):
    """Moving statistics, and all other weights, by path."""
    moving, others = {}, {}
    for weight in model.weights:
        part = moving if "moving_" in weight.path else others
        part[weight.path] = keras.ops.convert_to_numpy(weight)
    return moving, others


def one_norm(**options):
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    x = layers.BatchNormalization(name="bn", **options)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(2, name="logits")(x))


def averages(features, sizes):
    """Sample-weighted average of the batches' means and variances."""
    parts = np.split(features.astype("float64"), np.cumsum(sizes)[:-1])
    axes = tuple(range(features.ndim - 1))
    weights = np.array(sizes) / sum(sizes)
    mean = sum(w * p.mean(axes) for w, p in zip(weights, parts, strict=True))
    return mean, sum(w * p.var(axes) for w, p in zip(weights, parts, strict=True))


def conv_features(model, data):
    return keras.ops.convert_to_numpy(model.get_layer("conv")(data))


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.99])
def test_exact_average_whatever_the_momentum(momentum):
    model, data = one_norm(momentum=momentum), images()
    mean, variance = averages(conv_features(model, data), [4, 4, 2])
    assert recalibrate(model, data, batch_size=4) is model
    bn = model.get_layer("bn")
    np.testing.assert_allclose(keras.ops.convert_to_numpy(bn.moving_mean), mean, rtol=1e-4)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(bn.moving_variance), variance, rtol=1e-4)
    assert bn.momentum == momentum


def test_old_statistics_are_forgotten():
    model, data = one_norm(), images()
    recalibrate(model, data)
    expected, _ = split(model)
    model.get_layer("bn").moving_mean.assign(np.full(4, 1e6))
    model.get_layer("bn").moving_variance.assign(np.full(4, 1e6))
    recalibrate(model, data)
    for path, value in split(model)[0].items():
        np.testing.assert_array_equal(value, expected[path])


@pytest.mark.parametrize("build", [zoo.chain, zoo.residual, zoo.squeeze_excite])
def test_one_batch_equals_training_with_momentum_zero(build):
    model = zoo.randomise(build())
    data = zoo.inputs_for(model, batch=6)
    reference = keras.models.clone_model(model)
    reference.set_weights(model.get_weights())
    norms = [x for x in reference.layers if isinstance(x, layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    recalibrate(model, data)
    reference(data, training=True)
    expected, _ = split(reference)
    assert expected
    for path, value in split(model)[0].items():
        np.testing.assert_allclose(value, expected[path], rtol=1e-3, atol=1e-4)


def test_calls_of_a_shared_layer_are_pooled():
    first, second = keras.Input((4,)), keras.Input((4,))
    bn = layers.BatchNormalization()
    model = keras.Model([first, second], layers.Add()([bn(first), bn(second)]))
    a, b = images(6, (4,)), images(6, (4,), seed=1) + 5
    recalibrate(model, [a, b])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(bn.moving_mean), (a.mean(0) + b.mean(0)) / 2, rtol=1e-5
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(bn.moving_variance), (a.var(0) + b.var(0)) / 2, rtol=1e-5
    )


def test_nothing_else_changes():
    model = zoo.randomise(zoo.residual())
    model.get_layer("b1_bn1").trainable = False
    model.compile("sgd", "mse")
    trainable = {layer.name: layer.trainable for layer in model.layers}
    config = model.to_json()
    moving, others = split(model)
    recalibrate(model, images())
    after_moving, after_others = split(model)
    for path, value in others.items():
        np.testing.assert_array_equal(after_others[path], value)
    for path, value in moving.items():
        # Frozen layers too: a frozen layer uses its moving statistics like any other.
        assert not np.allclose(after_moving[path], value), path
    assert {layer.name: layer.trainable for layer in model.layers} == trainable
    assert model.to_json() == config
    assert model.optimizer.iterations == 0
    assert all(layer.output is not None for layer in model.layers)


def test_dropout_is_off():
    inputs = keras.Input((8, 8, 3))
    x = layers.Dropout(0.9)(inputs)
    x = layers.GaussianNoise(1.0)(x)
    bn = layers.BatchNormalization(name="bn")
    model = keras.Model(inputs, layers.Flatten()(bn(x)))
    data = images()
    recalibrate(model, data)
    mean = keras.ops.convert_to_numpy(bn.moving_mean)
    np.testing.assert_allclose(mean, data.mean((0, 1, 2)), rtol=1e-5)


def test_channel_axis_and_missing_scale_and_offset():
    inputs = keras.Input((3, 8))
    bn = layers.BatchNormalization(axis=1, center=False, scale=False)
    then = layers.BatchNormalization()
    model = keras.Model(inputs, then(bn(inputs)))
    data = images(12, (3, 8))
    recalibrate(model, data)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(bn.moving_variance), data.var((0, 2)), rtol=1e-5
    )
    normal = (data - data.mean((0, 2), keepdims=True)) / np.sqrt(
        data.var((0, 2), keepdims=True) + 1e-3
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(then.moving_variance), normal.var((0, 1)), rtol=1e-4
    )


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    model, data = one_norm(), images()
    mean, variance = averages(conv_features(model, data), [10])
    recalibrate(model, data)
    bn = model.get_layer("bn")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(bn.moving_mean), mean, rtol=1e-2, atol=1e-2
    )
    np.testing.assert_allclose(keras.ops.convert_to_numpy(bn.moving_variance), variance, rtol=1e-2)


def test_nested_models_are_reached():
    inner = one_norm()
    inputs = keras.Input((8, 8, 3))
    x = layers.BatchNormalization(name="outer")(inputs)
    model = keras.Model(inputs, inner(x))
    data = images()
    recalibrate(model, data)
    outer = model.get_layer("outer")
    normal = (data - data.mean((0, 1, 2))) / np.sqrt(data.var((0, 1, 2)) + outer.epsilon)
    mean, variance = averages(conv_features(inner, normal), [10])
    bn = inner.get_layer("bn")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(bn.moving_mean), mean, rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(keras.ops.convert_to_numpy(bn.moving_variance), variance, rtol=1e-3)


def test_layers_out_of_reach_are_named():
    inputs = keras.Input((5, 8, 8, 3))
    x = layers.TimeDistributed(layers.BatchNormalization(name="hidden_bn"))(inputs)
    model = keras.Model(inputs, layers.Flatten()(x))
    with pytest.warns(UserWarning, match="cannot be reached.*moving_mean"):
        recalibrate(model, images(2, (5, 8, 8, 3)))


def test_no_batch_normalisation():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(inputs))
    before = model.get_weights()
    assert recalibrate(model, images(4, (4,))) is model
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def broken_stream():
    yield images(4)
    yield images(4)
    raise OSError("disk gone")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (broken_stream(), OSError),
        (iter([images(4), images(4, (8, 8, 1))]), ValueError),
        (iter([images(4), np.full((4, 8, 8, 3), np.nan)]), ValueError),
        (iter(()), ValueError),
        (None, ValueError),
    ],
)
def test_failure_on_the_way_changes_nothing(data, error):
    model = one_norm()
    before = model.get_weights()
    with pytest.raises(error):
        recalibrate(model, data)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_failure_while_assigning_restores(monkeypatch):
    model = zoo.randomise(zoo.residual())
    before = model.get_weights()
    norms = [x for x in model.layers if isinstance(x, layers.BatchNormalization)]
    values = [[np.ones(6), np.ones(6)], [np.ones(6), np.ones(7)]]
    with pytest.raises(ValueError):
        module._assign(norms, values)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_nan_is_named():
    with pytest.raises(ValueError, match="'bn' holds NaN"):
        recalibrate(one_norm(), np.full((4, 8, 8, 3), np.nan, "float32"))


def test_subclassed_models_are_refused():
    class Own(keras.Model):
        pass

    with pytest.raises(ValueError, match="subclassed"):
        recalibrate(Own(), images())


def test_recalibration_repairs_wrong_statistics():
    model = one_norm()
    data = images(32)
    recalibrate(model, data)
    good = model.predict(data, verbose=0)
    model.get_layer("bn").moving_mean.assign(np.full(4, 3.0))
    assert not np.allclose(model.predict(data, verbose=0), good)
    recalibrate(model, data)
    np.testing.assert_allclose(model.predict(data, verbose=0), good, atol=1e-6)


def test_progress_bar(capsys):
    recalibrate(one_norm(), images(), batch_size=5)
    assert not capsys.readouterr().out
    recalibrate(one_norm(), images(), batch_size=5, verbose=1)
    assert "2/2" in capsys.readouterr().out


@pytest.mark.tensorflow
def test_model_of_a_strategy(two_replicas):
    with two_replicas.scope():
        model = one_norm()
    plain = one_norm()
    plain.set_weights(model.get_weights())
    recalibrate(model, images(), batch_size=4)
    recalibrate(plain, images(), batch_size=4)
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    with two_replicas.scope():
        model.compile("sgd", "mse")
        model.fit(images(8), np.zeros((8, 2)), batch_size=4, verbose=0)
