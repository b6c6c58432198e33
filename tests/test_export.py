import dataclasses

import keras
import numpy as np
import pytest

from ccm_tf import export, litert
from ccm_tf.export import export_tflite

layers = keras.layers


def convolutional():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.5)(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


def sequential():
    return keras.Sequential([keras.Input((6,)), layers.Dense(4, "relu"), layers.Dense(2)])


def two_inputs_two_outputs():
    # Names and sizes are out of alphabetical order, and the inputs are not interchangeable.
    last, first = keras.Input((4,), name="z"), keras.Input((4,), name="a")
    outputs = [layers.Dense(3, name="second")(last - 2 * first), layers.Dense(3, name="b")(last)]
    return keras.Model([last, first], outputs)


def dicts():
    z, a = keras.Input((4,), name="z"), keras.Input((4,), name="a")
    return keras.Model({"z": z, "a": a}, {"sum": z + 3 * a, "product": z * a})


def twelve_outputs():
    inputs = keras.Input((4,))
    return keras.Model(inputs, [inputs * float(factor) for factor in range(12)])


def fixed_batch():
    inputs = keras.Input(batch_shape=(5, 4))
    return keras.Model(inputs, layers.Dense(3)(inputs))


def open_image_size():
    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3)(inputs)))


def indices():
    inputs = keras.Input((5,), dtype="int32")
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(layers.Embedding(2, 3)(inputs))))


def shared_and_nested():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, "tanh")], name="inner")
    inputs = keras.Input((4,))
    return keras.Model(inputs, inner(inner(inputs)) + inputs)


MODELS = [
    convolutional,
    sequential,
    two_inputs_two_outputs,
    dicts,
    twelve_outputs,
    fixed_batch,
    open_image_size,
    indices,
    shared_and_nested,
]


@pytest.mark.tensorflow
@pytest.mark.parametrize("make", MODELS)
def test_file_computes_what_the_model_computes(make, tmp_path, capfd):
    model = make()
    result = export_tflite(model, tmp_path / "model.tflite")
    assert result.path == tmp_path / "model.tflite"
    assert result.bytes == result.path.stat().st_size > 500
    assert 0 <= result.max_difference < 1e-5
    assert [p.name for p in tmp_path.iterdir()] == ["model.tflite"]
    assert capfd.readouterr() == ("", "")

    names = [tensor.name for tensor in model.inputs]
    batch = model.inputs[0].shape[0] or 2
    shapes = [[batch, *(size or 9 for size in tensor.shape[1:])] for tensor in model.inputs]
    values = [np.random.default_rng(7).integers(0, 2, shape) for shape in shapes]
    received = litert.run_tflite(result.path, dict(zip(names, values, strict=True)))
    expected = model(values[0] if len(values) == 1 else dict(zip(names, values, strict=True)))
    if isinstance(expected, dict):
        assert set(received) == set(expected)
    elif isinstance(received, dict):
        expected = dict(zip(received, expected, strict=True))
    else:
        received, expected = {"": received}, {"": expected}
    for name, value in expected.items():
        np.testing.assert_allclose(received[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.tensorflow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_reduced_precision_is_exported_in_float32(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    model = convolutional()
    model.layers[1].bias.assign([1.0, 2.0, 3.0, 4.0])
    result = export_tflite(model, tmp_path / "model.tflite")
    images = np.random.default_rng(0).standard_normal((4, 8, 8, 3)).astype("float32")
    received = litert.run_tflite(result.path, images)
    assert received.dtype == np.float32
    np.testing.assert_allclose(received, np.asarray(model(images)), atol=5e-2)
    assert model.layers[1].compute_dtype == policy.removeprefix("mixed_")


@pytest.mark.tensorflow
def test_model_is_left_as_it_was(tmp_path):
    model = convolutional()
    model.compile("sgd", "categorical_crossentropy")
    images = np.ones((2, 8, 8, 3), "float32")
    before, weights = model(images), model.get_weights()
    export_tflite(model, tmp_path / "model.tflite")
    np.testing.assert_array_equal(model(images), before)
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.compiled


@pytest.mark.tensorflow
def test_result_is_a_frozen_value(tmp_path):
    result = export_tflite(sequential(), str(tmp_path / "model.tflite"))
    assert [f.name for f in dataclasses.fields(result)] == ["path", "bytes", "max_difference"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.bytes = 0


def break_the_conversion(monkeypatch, change):
    """Exports a changed model, as a faulty converter would."""
    convert = export._convert

    def faulty(model, path):
        copy = keras.models.clone_model(model)
        copy.set_weights([change(weight) for weight in model.get_weights()])
        convert(copy, path)

    monkeypatch.setattr(export, "_convert", faulty)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "change, words",
    [
        (lambda weight: weight * np.nan, "differs by nan"),
        (lambda weight: weight * 1.01, "more than the tolerance 0.0001"),
        (lambda weight: weight * 0, "differs by 1 of its largest value"),
    ],
    ids=["nan", "one percent", "zero"],
)
def test_a_file_that_differs_is_refused(change, words, tmp_path, monkeypatch):
    target = tmp_path / "model.tflite"
    target.write_bytes(b"the last good file")
    break_the_conversion(monkeypatch, change)
    with pytest.raises(RuntimeError, match=words):
        export_tflite(sequential(), target)
    assert target.read_bytes() == b"the last good file"
    assert [p.name for p in tmp_path.iterdir()] == ["model.tflite"]


@pytest.mark.tensorflow
def test_tolerance(tmp_path, monkeypatch):
    break_the_conversion(monkeypatch, lambda weight: weight * 1.01)
    result = export_tflite(sequential(), tmp_path / "model.tflite", tolerance=0.1)
    assert 0.005 < result.max_difference < 0.05
    with pytest.raises(ValueError, match="tolerance above 0. Received: tolerance=nan"):
        export_tflite(sequential(), tmp_path / "other.tflite", tolerance=float("nan"))


@pytest.mark.tensorflow
def test_model_that_returns_nan(tmp_path):
    model = sequential()
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    with pytest.raises(ValueError, match="'sequential.*' returns NaN or infinity.*weights"):
        export_tflite(model, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())


@pytest.mark.tensorflow
def test_operation_that_litert_does_not_have(tmp_path, capfd):
    inputs = keras.Input((4, 4))
    model = keras.Model(inputs, keras.ops.linalg.eigh(inputs)[0], name="spectrum")
    with pytest.raises(RuntimeError, match="'spectrum' cannot be converted to LiteRT.*said: .+"):
        export_tflite(model, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


@pytest.mark.tensorflow
def test_bad_arguments_are_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_convert", lambda *_: pytest.fail("work was started"))
    with pytest.raises(ValueError, match=r"ends in '.tflite'. Received: '.*model.keras'"):
        export_tflite(sequential(), tmp_path / "model.keras")
    with pytest.raises(ValueError, match="is not built"):
        export_tflite(keras.Sequential([layers.Dense(2)]), tmp_path / "model.tflite")
    with pytest.raises(ValueError, match="Expected a built.*Received: 'model'"):
        export_tflite("model", tmp_path / "model.tflite")
    with pytest.raises(FileNotFoundError, match="folder does not exist"):
        export_tflite(sequential(), tmp_path / "none" / "model.tflite")


def test_other_backends_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="needs Keras on TensorFlow; it runs on jax here"):
        export_tflite(sequential(), tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())
