import dataclasses

import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf import litert
from ccm_tf.conversion import convert
from ccm_tf.export import ExportOptions, export_tflite

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
    assert [f.name for f in dataclasses.fields(result)] == ["path", "bytes", "agreement"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.bytes = 0


def break_the_conversion(monkeypatch, change):
    """Exports a changed model, as a faulty converter would."""
    right = convert.convert

    def faulty(model, *arguments):
        copy = keras.models.clone_model(model)
        copy.set_weights([change(weight) for weight in model.get_weights()])
        right(copy, *arguments)

    monkeypatch.setattr(convert, "convert", faulty)


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
    with pytest.raises(RuntimeError, match="'spectrum' cannot be conv.*SelfAdjointEigV2. Replace"):
        export_tflite(model, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


@pytest.mark.tensorflow
def test_bad_arguments_are_refused_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(convert, "convert", lambda *_: pytest.fail("work was started"))
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


def classifier():
    """A small trained-looking classifier whose logits differ between samples."""
    inputs = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, use_bias=False)(inputs)
    x = layers.ReLU()(layers.BatchNormalization(name="bn")(x))
    model = keras.Model(inputs, layers.Dense(4)(layers.Flatten()(x)), name="classifier")
    generator = np.random.default_rng(1)
    for weight in model.get_layer("bn").weights:
        weight.assign(generator.uniform(0.5, 2, weight.shape))
    return model


def images(count=20):
    return np.random.default_rng(3).standard_normal((count, 8, 8, 3)).astype("float32")


QUANTIZED = {"float16": 1e-2, "dynamic": 0.05, "int8": 0.1, "int16x8": 0.05}


@pytest.mark.tensorflow
@pytest.mark.parametrize("quantize", QUANTIZED)
def test_quantised_files_agree_on_real_samples(quantize, tmp_path, capfd):
    model = classifier()
    result = export_tflite(
        model, tmp_path / "model.tflite", quantize=quantize, calibration=(images(), np.zeros(20))
    )
    assert capfd.readouterr() == ("", "")
    assert result.agreement.samples == 20
    assert 0 < result.agreement.rms_difference < QUANTIZED[quantize]
    assert result.agreement.same_decision >= 0.9
    received = litert.run_tflite(result.path, images())
    assert received.dtype == np.float32
    np.testing.assert_allclose(received, model(images()), atol=0.15)
    assert ccm_tf.tflite_metadata(result.path)["quantize"] == quantize


@pytest.mark.tensorflow
def test_normalisation_is_folded_and_weights_are_rounded(tmp_path):
    sizes = {}
    for quantize in (None, "int8"):
        path = tmp_path / f"{quantize}.tflite"
        inputs = keras.Input((8, 8, 16))
        x = layers.Conv2D(64, 3, use_bias=False)(inputs)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        model = keras.Model(inputs, layers.GlobalAveragePooling2D()(x))
        data = np.random.default_rng(0).standard_normal((8, 8, 8, 16))
        sizes[quantize] = export_tflite(model, path, quantize=quantize, calibration=data).bytes
    assert sizes["int8"] < 0.6 * sizes[None]
    from ai_edge_litert.interpreter import Interpreter

    details = Interpreter(str(tmp_path / "None.tflite")).get_tensor_details()
    # Kernel and bias alone: gamma, beta, mean and variance are gone.
    assert sum(detail["shape"].tolist() == [64] for detail in details) == 1


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "change",
    [lambda w: w * np.nan, lambda w: w * 0, lambda w: w[..., ::-1]],
    ids=["nan", "zero", "shuffled"],
)
@pytest.mark.parametrize("quantize", ["dynamic", "int8"])
def test_a_quantised_file_that_is_wrong_is_refused(quantize, change, tmp_path, monkeypatch):
    break_the_conversion(monkeypatch, change)
    with pytest.raises(
        RuntimeError, match="computes something else|cannot be converted|LiteRT cannot run"
    ):
        export_tflite(
            classifier(), tmp_path / "model.tflite", quantize=quantize, calibration=images()
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.tensorflow
def test_fixed_batch_softmax_names_and_metadata(tmp_path):
    model = classifier()
    plan = ccm_tf.PruningPlan.from_kept(model, {"conv2d": range(8)})
    options = ExportOptions(
        batch_size=2,
        softmax=True,
        signature="classify",
        output_names=["probabilities"],
        labels=["a", "b", "c", "d"],
        input_scaling={"mean": [0.5], "std": [0.25]},
        plan=plan,
    )
    result = export_tflite(
        model, tmp_path / "model.tflite", quantize="int8", calibration=images(5), options=options
    )
    assert result.agreement.samples == 4
    file = litert.LiteRTModel(result.path)
    assert file.batch_size == 2 and file.signature_name == "classify"
    assert (file.input_names, file.output_names) == (("image",), ("probabilities",))
    np.testing.assert_allclose(file(images(2)).sum(-1), 1, atol=0.02)
    about = ccm_tf.tflite_metadata(result.path)
    assert about["labels"] == ["a", "b", "c", "d"]
    assert about["input_scaling"] == {"mean": [0.5], "std": [0.25]}
    assert about["plan"] == {"fingerprint": plan.fingerprint, "target": {}}
    assert about["model"] == "classifier"


@pytest.mark.tensorflow
def test_options_that_contradict_the_model(tmp_path):
    path = tmp_path / "model.tflite"
    cases = [
        (classifier, ExportOptions(labels=["a"]), r"Received 1 labels.*widths \[4\]"),
        (classifier, ExportOptions(output_names=["a", "b"]), "a name for each of the 1 outputs"),
        (classifier, ExportOptions(batch_size=0), "positive integer. Received: 0"),
        (fixed_batch, ExportOptions(batch_size=2), "built for a batch size of 5"),
        (twelve_outputs, ExportOptions(softmax=True), "a model with one output"),
    ]
    for make, options, words in cases:
        with pytest.raises(ValueError, match=words):
            export_tflite(make(), path, options=options)
    inputs = keras.Input((4,))
    sigmoid = keras.Model(inputs, layers.Dense(3, activation="sigmoid")(inputs))
    with pytest.raises(ValueError, match="ends in a sigmoid"):
        export_tflite(sigmoid, path, options=ExportOptions(softmax=True))


@pytest.mark.tensorflow
def test_calibration_that_is_missing_or_does_not_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(convert, "convert", lambda *_: pytest.fail("work was started"))
    path = tmp_path / "model.tflite"
    for quantize in ("int8", "int16x8"):
        with pytest.raises(ValueError, match=f"quantize='{quantize}' needs `calibration`"):
            export_tflite(classifier(), path, quantize=quantize)
    with pytest.raises(ValueError, match="must be one of None, 'float16'.*Received.*'int4'"):
        export_tflite(classifier(), path, quantize="int4")
    with pytest.raises(ValueError, match=r"takes samples of shape \(8, 8, 3\).*\(9, 8, 3\)"):
        export_tflite(classifier(), path, calibration=np.zeros((2, 9, 8, 3)))
    with pytest.raises(ValueError, match="hold NaN or infinity"):
        export_tflite(classifier(), path, calibration=images() * np.nan)
    with pytest.raises(ValueError, match="fixed batch size of 5. Received only 3"):
        monkeypatch.undo()
        export_tflite(fixed_batch(), path, calibration=np.zeros((3, 4)))


@keras.saving.register_keras_serializable(package="test_export")
class Spectrum(layers.Layer):
    """Has no counterpart in LiteRT."""

    def call(self, inputs):
        return keras.ops.linalg.eigh(inputs)[0]


@pytest.mark.tensorflow
def test_an_operation_that_litert_lacks_is_named_with_its_layer(tmp_path):
    inputs = keras.Input((4, 4))
    model = keras.Model(inputs, layers.Dense(2)(Spectrum(name="eigenvalues")(inputs)))
    words = "no operation for TensorFlow's SelfAdjointEigV2, which layer 'eigenvalues' uses"
    with pytest.raises(RuntimeError, match=words):
        export_tflite(model, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())


@pytest.mark.tensorflow
def test_a_file_that_litert_cannot_run_names_the_open_sizes(tmp_path, monkeypatch):
    def unable(self, inputs):
        raise ValueError("tensors could not be allocated")

    monkeypatch.setattr(litert.LiteRTModel, "__call__", unable)
    words = "sizes open: .*None, None, 3.*build the model for the size.*could not be allocated"
    with pytest.raises(RuntimeError, match=words):
        export_tflite(open_image_size(), tmp_path / "model.tflite")
    with pytest.raises(RuntimeError, match="batch size is open.*batch_size=1"):
        export_tflite(sequential(), tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())
