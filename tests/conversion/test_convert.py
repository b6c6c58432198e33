import keras
import pytest

from ccm_tf.conversion.convert import convert, open_sizes
from ccm_tf.conversion.quantization import QUANTIZATIONS


class Failing(keras.Model):
    """A model whose conversion fails with a message of the caller's."""

    message = ""

    def export(self, *_, **__):
        raise RuntimeError(self.message)


def failing(message):
    inputs = keras.Input((4,))
    x = keras.layers.Dense(2, name="head")(keras.layers.Dense(2, name="head_2")(inputs))
    model = Failing(inputs, x, name="net")
    model.message = message
    return model


LOCATED = (
    'loc(callsite(fused["FFT:", "net_1/head_2_1/FFT@__inference_function_1"] at callsite('
    'fused["PartitionedCall:", "PartitionedCall_1"]))): \'tf.FFT\' op is neither a custom op nor '
    "a flex op"
)


@pytest.mark.tensorflow
def test_the_layer_of_an_unsupported_operation_is_named(tmp_path):
    words = "no operation for TensorFlow's FFT, which layer 'head_2' uses. Replace that layer"
    with pytest.raises(RuntimeError, match=words):
        convert(failing(LOCATED), tmp_path / "model.tflite", QUANTIZATIONS[None])


@pytest.mark.tensorflow
def test_whatever_else_the_converter_says_is_passed_on(tmp_path):
    with pytest.raises(RuntimeError, match="batch size is open.*converter said: a b"):
        convert(failing("a\n  b"), tmp_path / "model.tflite", QUANTIZATIONS[None])


def test_open_sizes():
    def sized(*shape):
        inputs = keras.Input(batch_shape=shape, name="x")
        return keras.Model(inputs, keras.layers.Identity()(inputs))

    assert open_sizes(sized(1, 4)) == ""
    assert "ExportOptions(batch_size=1)" in open_sizes(sized(None, 4))
    assert "sizes open: {'x': (None, None, 3)}" in open_sizes(sized(None, None, 3))
