import keras
import pytest

from ccm_tf.export import export_tflite
from ccm_tf.litert_metadata import tflite_metadata, write_metadata

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    inputs = keras.Input((4,), name="x")
    path = tmp_path_factory.mktemp("metadata") / "doubling.tflite"
    return export_tflite(keras.Model(inputs, inputs * 2.0, name="doubling"), path).path


def test_an_export_says_what_it_is(file):
    about = tflite_metadata(str(file))
    assert about["model"] == "doubling" and about["quantize"] is None
    assert about["labels"] is about["input_scaling"] is about["plan"] is None
    assert about["ccm_tf"]


def test_metadata_are_replaced_and_the_file_still_runs(file, tmp_path):
    import numpy as np

    from ccm_tf.litert import LiteRTModel

    copy = tmp_path / "copy.tflite"
    copy.write_bytes(file.read_bytes())
    write_metadata(copy, {"labels": ["ä"]}, "double")
    write_metadata(copy, {"labels": ["ö"]})
    assert tflite_metadata(copy) == {"labels": ["ö"]}
    assert LiteRTModel(copy).signature_name == "double"
    np.testing.assert_array_equal(LiteRTModel(copy)(np.ones((2, 4), "float32")), 2)


def test_files_that_are_none(file, tmp_path):
    other = tmp_path / "other.tflite"
    other.write_bytes(b"no model at all")
    with pytest.raises(ValueError, match="'.*other.tflite' is not a LiteRT model"):
        tflite_metadata(other)
    other.write_bytes(file.read_bytes()[:8] + b"\xff" * 40)
    with pytest.raises(ValueError, match="is damaged"):
        tflite_metadata(other)
    with pytest.raises(FileNotFoundError):
        tflite_metadata(tmp_path / "none.tflite")
