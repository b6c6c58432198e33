import numpy as np
import pytest

from ccm_tf.latency.operators import Operator
from ccm_tf.latency.single import single_operator
from ccm_tf.latency.slices import feeder, layer_latencies
from ccm_tf.litert_file import open_interpreter

pytest.importorskip("ai_edge_litert")


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_file_of_one_operator_is_its_own_slice(dtype, tmp_path):
    path = tmp_path / "one.tflite"
    path.write_bytes(single_operator(Operator("conv", 6, 6, (3, 3)), 4, 5, dtype))
    (layer,) = layer_latencies(path)
    assert (layer.kind, layer.output_shape) == ("CONV_2D", (1, 6, 6, 5))
    assert layer.milliseconds > 0


def test_feeding_touches_inputs_and_outputs():
    interpreter = open_interpreter(single_operator(Operator("binary", 2, 2), 3, 3))
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], np.ones(detail["shape"], "float32"))
    feed = feeder(interpreter)
    feed()
    interpreter.invoke()
    (output,) = interpreter.get_output_details()
    np.testing.assert_array_equal(interpreter.get_tensor(output["index"]), 0)


def test_a_damaged_file(tmp_path):
    path = tmp_path / "one.tflite"
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is not a LiteRT model"):
        layer_latencies(path)
