import pathlib

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


@pytest.mark.parametrize(
    ("file", "packages", "written"),
    [
        ("net.onnx", ("onnx", "tf2onnx", "onnxruntime"), ["net.onnx"]),
        ("net.xml", ("openvino",), ["net.bin", "net.xml"]),
    ],
)
def test_other_runtimes_agree(tmp_path, file, packages, written):
    for package in packages:
        pytest.importorskip(package)
    path = ccm_tf.export(model(), tmp_path / file)
    ccm_tf.export(model(), path)
    assert sorted(p.name for p in tmp_path.iterdir()) == written
    (kind,) = (kind for kind in formats.FORMATS.values() if kind.suffix == path.suffix)
    net, x = model(), np.ones((3, 4), "float32")
    ccm_tf.export(net, path)
    (found,) = kind.reader(path)(x)
    np.testing.assert_allclose(found, net(x), rtol=1e-4, atol=1e-5)


def test_files_that_belong_together_come_together(tmp_path, monkeypatch):
    """As OpenVINO's: a graph, and weights beside it; without that package."""

    def export(self, path, **settings):
        pathlib.Path(path).write_text("graph")
        pathlib.Path(path).with_suffix(".bin").write_text("weights")

    monkeypatch.setattr(keras.Model, "export", export)
    kind = formats.Format("two files", ".xml", (), lambda path: lambda x: net(x), (".bin",))
    monkeypatch.setitem(formats.FORMATS, "openvino", kind)
    net = model()
    ccm_tf.export(net, tmp_path / "net.xml")
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        "net.xml": "graph",
        "net.bin": "weights",
    }


def test_what_differs_is_not_left(tmp_path, monkeypatch):
    wrong = formats.Format(
        "SavedModel", "", (), lambda path: lambda x: np.full((len(x), 2), np.nan)
    )
    monkeypatch.setitem(formats.FORMATS, "tf_saved_model", wrong)
    with pytest.raises(RuntimeError, match="computes something else.*differs by nan"):
        ccm_tf.export(model(), tmp_path / "saved")
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    def export(self, path, **settings):
        raise ModuleNotFoundError("No module named 'tf2onnx'")

    monkeypatch.setattr(keras.Model, "export", export)
    with pytest.raises(ImportError, match="pip install onnx tf2onnx. It said: No module"):
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
