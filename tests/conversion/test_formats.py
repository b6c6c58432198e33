import builtins

import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.conversion import formats

pytestmark = pytest.mark.tensorflow


def model():
    inputs = keras.Input((4,), name="x")
    return keras.Model(inputs, keras.layers.Dense(2)(inputs), name="net")


def test_saved_model(tmp_path, capfd):
    import tensorflow as tf

    net = model()
    path = ccm_tf.export(net, tmp_path / "saved")
    assert capfd.readouterr() == ("", "")
    assert [p.name for p in tmp_path.iterdir()] == ["saved"]
    x = np.ones((3, 4), "float32")
    loaded = tf.saved_model.load(str(path))
    np.testing.assert_allclose(loaded.serve(x), net(x), rtol=1e-6)
    with pytest.raises(FileExistsError, match="exists already. Remove it"):
        ccm_tf.export(net, path)


def test_litert_with_its_arguments(tmp_path):
    written = ccm_tf.export(model(), tmp_path / "model.tflite", quantize="float16")
    assert written.agreement.samples == 8
    assert ccm_tf.tflite_metadata(written.path)["quantize"] == "float16"


def test_what_differs_is_not_left(tmp_path, monkeypatch):
    wrong = formats.Format(
        "SavedModel", "", (), lambda path: lambda x: np.full((len(x), 2), np.nan)
    )
    monkeypatch.setitem(formats.FORMATS, "tf_saved_model", wrong)
    with pytest.raises(RuntimeError, match="computes something else.*differs by nan"):
        ccm_tf.export(model(), tmp_path / "saved")
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **settings):
        if name in ("onnx", "tf2onnx"):
            raise ModuleNotFoundError(f"No module named '{name}'")
        return real(name, *arguments, **settings)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install onnx tf2onnx"):
        ccm_tf.export(model(), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="one of 'litert', 'tf_saved_model'.*format=None"):
        ccm_tf.export(model(), tmp_path / "model.h5")
    with pytest.raises(ValueError, match="names a folder, without suffix"):
        ccm_tf.export(model(), tmp_path / "model.onnx", format="tf_saved_model")
    with pytest.raises(ValueError, match="takes no quantize; these are for LiteRT"):
        ccm_tf.export(model(), tmp_path / "saved", quantize="int8")
    with pytest.raises(FileNotFoundError):
        ccm_tf.export(model(), tmp_path / "none" / "saved")
