import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.litert import LiteRTModel, run_tflite
from tasks.trial import classifier
from tests.tasks.trial.examples import CLASSES, SCALING, SHAPE, colours


def test_files_say_what_they_are(litert_files):
    dense, slim, int8 = (classifier.read(litert_files[name]) for name in ("dense", "slim", "int8"))
    assert (dense.title, dense.shape, dense.outputs, dense.classes) == ("dense", SHAPE, 3, 3)
    assert [model.ending for model in (dense, slim, int8)] == ["softmax", None, "softmax"]
    assert [model.quantize for model in (dense, slim, int8)] == [None, None, "int8"]
    assert dense.labels == tuple(CLASSES) and slim.labels is None
    assert [model.bgr for model in (dense, slim)] == [False, True]
    pixels = colours(1)[0]
    np.testing.assert_allclose(
        pixels * np.array(dense.multiply) + np.array(dense.add),
        (pixels * SCALING["scale"] - SCALING["mean"]) / SCALING["std"],
    )


def test_a_file_that_does_not_say_its_scaling_takes_a_named_one(litert_files):
    model = classifier.read(litert_files["silent"], "quiet", "imagenet")
    assert (model.title, model.ending, model.outputs, model.classes) == ("quiet", "sigmoid", 1, 2)
    assert model.multiply == pytest.approx([1 / 255 / 0.229, 1 / 255 / 0.224, 1 / 255 / 0.225])
    assert model.add == pytest.approx([-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225])
    assert classifier.read(litert_files["silent"], scale="caffe").bgr
    with pytest.raises(ValueError, match="does not say how pixels become inputs.*--scale, one of"):
        classifier.read(litert_files["silent"])
    with pytest.raises(ValueError, match="--scale must be one of unit.*Received: --scale=loud"):
        classifier.read(litert_files["silent"], scale="loud")


@pytest.mark.parametrize("name", ["dense", "slim", "int8"])
def test_a_fixed_batch_size_changes_nothing_else(litert_files, name, tmp_path):
    fixed = tmp_path / "fixed.tflite"
    fixed.write_bytes(classifier.for_one_image(litert_files[name]))
    assert LiteRTModel(fixed).batch_size == 1
    assert ccm_tf.tflite_metadata(fixed) == ccm_tf.tflite_metadata(litert_files[name])
    images = np.random.default_rng(0).normal(size=(5, *SHAPE)).astype("float32")
    np.testing.assert_allclose(
        run_tflite(fixed, images), run_tflite(litert_files[name], images), 1e-5
    )


def test_what_no_page_can_show(tmp_path, litert_files):
    inputs = keras.Input(SHAPE)
    maps = ccm_tf.export_tflite(keras.Model(inputs, inputs * 2.0), tmp_path / "maps.tflite").path
    with pytest.raises(ValueError, match=r"returns float32 \(-1, 8, 6, 3\). The page needs one"):
        classifier.read(maps, scale="unit")
    pooled = keras.Model(inputs, keras.ops.mean(inputs, axis=(1, 2)))
    for name, options, message in (
        ("pair", {"batch_size": 2}, r"takes float32 \(2, 8, 6, 3\)"),
        ("odd", {"input_scaling": {"mean": [1, 2]}}, r"cannot be read.*Received: \{'mean': \[1, 2"),
        ("words", {"input_scaling": {"std": "one"}}, "cannot be read"),
    ):
        path = tmp_path / f"{name}.tflite"
        ccm_tf.export_tflite(pooled, path, options=ccm_tf.ExportOptions(**options))
        with pytest.raises(ValueError, match=message):
            classifier.read(path, scale="unit")
    with pytest.raises(FileNotFoundError):
        classifier.read(tmp_path / "none.tflite")
