import numpy as np
import pytest

from ccm_tf.latency.operator_file import OperatorFile
from ccm_tf.litert_file import open_interpreter

pytest.importorskip("ai_edge_litert")


def turned(dtype):
    """A file that turns a row into a column."""
    file = OperatorFile(dtype)
    x = file.input(1, 6)
    options = file.schema.TransposeOptionsT()
    file.operator("TRANSPOSE", [x, file.indices([1, 0])], (6, 1), options)
    return file


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_file_of_one_operator(dtype):
    interpreter = open_interpreter(turned(dtype).content())
    interpreter.allocate_tensors()
    ((given,), (made,)) = interpreter.get_input_details(), interpreter.get_output_details()
    values = np.arange(6, dtype=dtype).reshape(1, 6)
    interpreter.set_tensor(given["index"], values)
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(made["index"]), values.T)


def test_eight_bits_have_a_scale_for_each_channel_and_indices_none():
    file = OperatorFile("int8")
    kernel, bias, indices = file.kernel((5, 1, 1, 2), 0), file.bias(5), file.indices([1, 2])
    tensors = file.graph.tensors
    assert len(tensors[kernel].quantization.scale) == 5
    assert tensors[bias].type == file.schema.TensorType.INT32
    assert tensors[indices].quantization is None


def test_newer_operators_say_their_version():
    for dtype, version, found in (("float32", 1, 1), ("int8", 1, 3), ("float32", 4, 4)):
        file = OperatorFile(dtype)
        file.operator("LOGISTIC", [file.input(1, 2)], (1, 2), None, version)
        assert file.code.version == found
