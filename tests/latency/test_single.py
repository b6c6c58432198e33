import numpy as np
import pytest

from ccm_tf.latency.operators import KINDS, MIXING, Operator
from ccm_tf.latency.single import DTYPES, single_operator
from ccm_tf.litert_file import open_interpreter

pytest.importorskip("ai_edge_litert")

WINDOW = {"conv", "depthwise", "max_pool", "average_pool", "pad", "transposed"}


def operators(kind):
    if kind == "dense":
        return [Operator(kind), Operator(kind, 3, 5)]
    if kind == "tile":
        return [Operator(kind, 6, 4, strides=strides) for strides in ((3, 1), (1, 2))]
    if kind.startswith("resize"):
        return [Operator(kind, 6, 4, (12, 7))]
    if kind not in WINDOW:
        return [Operator(kind, 6, 4)]
    strided = [Operator(kind, 7, 6, (3, 3), (2, 2), padding=p) for p in ("same", "valid")]
    return [Operator(kind, 6, 4, (3, 3))] + ([] if kind == "pad" else strided)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_operator_runs_and_makes_what_it_says(kind, dtype):
    for operator in operators(kind):
        for inputs, outputs in [(5, 9)] if kind in MIXING else [(5, 5), (1, 1)]:
            interpreter = open_interpreter(single_operator(operator, inputs, outputs, dtype))
            interpreter.allocate_tensors()
            for detail in interpreter.get_input_details():
                assert detail["dtype"] == np.dtype(dtype)
                interpreter.set_tensor(detail["index"], np.ones(detail["shape"], dtype))
            interpreter.invoke()
            (output,) = interpreter.get_output_details()
            made = interpreter.get_tensor(output["index"])
            assert made.shape[-1] == outputs
            if len(made.shape) == 4:
                assert made.shape[1:3] == operator.output_size
            elif kind == "tile":
                assert made.size == np.prod(operator.output_size) * outputs
            assert made.dtype == np.dtype(dtype)


@pytest.mark.parametrize("kind", ["conv", "transposed"])
def test_a_convolution_computes_what_its_kernel_says(kind):
    interpreter = open_interpreter(single_operator(Operator(kind, 1, 1), 2, 1))
    interpreter.allocate_tensors()
    (detail,) = interpreter.get_input_details()
    interpreter.set_tensor(detail["index"], np.array([[[[97.0, 97.0]]]], "float32"))
    interpreter.invoke()
    # Kernel 1/97 and 2/97, bias 1.
    result = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(result, 4.0, rtol=1e-6)
