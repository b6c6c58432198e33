"""LiteRT files of a single operator, written without a converter."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ccm_tf.latency.operators import Operator
from ccm_tf.litert_metadata import packed_model

DTYPES = ("float32", "int8")


def single_operator(operator: Operator, inputs: int, outputs: int, dtype: str = "float32") -> bytes:
    """Content of a `.tflite` file that computes one operator on one sample.

    Args:
        operator: The operator.
        inputs: How many channels it reads.
        outputs: How many channels it makes; the same unless it mixes channels.
        dtype: `"float32"` or `"int8"`.

    Returns:
        The content.
    """
    file = _File(dtype)
    _BUILDERS[operator.kind](file, operator, inputs, outputs)
    return file.content()


class _File:
    """A file in the making."""

    def __init__(self, dtype: str):
        from ai_edge_litert import schema_py_generated

        self.schema = schema_py_generated
        self.integers = dtype == "int8"
        self.graph = self.schema.SubGraphT()
        self.graph.tensors, self.graph.inputs = [], []
        self.buffers = [self.schema.BufferT()]
        self.code: Any = None

    def input(self, *shape: int) -> int:
        index = self.tensor(shape)
        self.graph.inputs.append(index)
        return index

    def tensor(self, shape: Sequence[int], values: Any = None, channel_axis: int = -1) -> int:
        """A feature map, or with values a constant; 8-bit kernels have a scale per channel."""
        tensor = self.schema.TensorT()
        tensor.name = f"tensor_{len(self.graph.tensors)}".encode()
        tensor.shape = [int(size) for size in shape]
        tensor.type = self.schema.TensorType.INT8 if self.integers else 0
        tensor.buffer = 0
        if values is not None:
            tensor.buffer = self._buffer(values)
            tensor.type = _TYPES(self.schema)[values.dtype.name]
        if self.integers and tensor.type != _TYPES(self.schema)["int64"]:
            tensor.quantization = self._scales(shape, values, channel_axis)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def kernel(self, shape: Sequence[int], channel_axis: int) -> int:
        size = int(np.prod(shape))
        # Any values do, but for zeros; random ones would take longer than what is measured.
        pattern = np.arange(1, 98, dtype="int8")
        values = np.resize(pattern if self.integers else pattern / np.float32(97), size)
        return self.tensor(
            shape, values.astype("int8" if self.integers else "float32"), channel_axis
        )

    def bias(self, width: int) -> int:
        return self.tensor((width,), np.ones(width, "int32" if self.integers else "float32"), 0)

    def operator(self, name: str, inputs: list[int], output: Sequence[int], options: Any) -> None:
        """Ends the file with an operator and its output."""
        self.code = self.schema.OperatorCodeT()
        number = getattr(self.schema.BuiltinOperator, name)
        # Codes above 127 do not fit the old field.
        self.code.builtinCode, self.code.deprecatedBuiltinCode = number, min(number, 127)
        self.code.version = 3 if self.integers else 1
        operator = self.schema.OperatorT()
        operator.opcodeIndex, operator.inputs = 0, inputs
        operator.outputs = [self.tensor(output)]
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, kind)
            operator.builtinOptions = options
        self.graph.operators, self.graph.outputs = [operator], operator.outputs

    def content(self) -> bytes:
        model = self.schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [self.graph], self.buffers
        model.operatorCodes = [self.code]
        return packed_model(model)

    def _buffer(self, values: np.ndarray) -> int:
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self.buffers.append(buffer)
        return len(self.buffers) - 1

    def _scales(self, shape: Sequence[int], values: Any, channel_axis: int) -> Any:
        found = self.schema.QuantizationParametersT()
        count = 1 if values is None or channel_axis < 0 else shape[channel_axis]
        scale = 1 / 256 if values is None or values.dtype.name == "int8" else 1 / 65536
        found.scale = np.full(count, scale, "float32")
        found.zeroPoint = np.zeros(count, "int64")
        if values is None:
            found.zeroPoint[:] = -128
        found.quantizedDimension = max(channel_axis, 0)
        return found


def _TYPES(schema: Any) -> dict[str, int]:
    kinds = schema.TensorType
    return {
        "float32": kinds.FLOAT32,
        "int8": kinds.INT8,
        "int32": kinds.INT32,
        "int64": kinds.INT64,
    }


def _windowed(file: _File, options: Any, operator: Operator) -> Any:
    same = operator.padding == "same"
    options.padding = file.schema.Padding.SAME if same else file.schema.Padding.VALID
    options.strideH, options.strideW = operator.strides
    return options


def _conv(file: _File, operator: Operator, inputs: int, outputs: int) -> None:
    x = file.input(1, operator.height, operator.width, inputs)
    kernel = file.kernel((outputs, *operator.kernel, inputs), 0)
    options = _windowed(file, file.schema.Conv2DOptionsT(), operator)
    options.dilationHFactor, options.dilationWFactor = operator.dilation
    shape = (1, *operator.output_size, outputs)
    file.operator("CONV_2D", [x, kernel, file.bias(outputs)], shape, options)


def _depthwise(file: _File, operator: Operator, inputs: int, outputs: int) -> None:
    x = file.input(1, operator.height, operator.width, inputs)
    kernel = file.kernel((1, *operator.kernel, outputs), 3)
    options = _windowed(file, file.schema.DepthwiseConv2DOptionsT(), operator)
    options.dilationHFactor, options.dilationWFactor = operator.dilation
    options.depthMultiplier = max(outputs // inputs, 1)
    shape = (1, *operator.output_size, outputs)
    file.operator("DEPTHWISE_CONV_2D", [x, kernel, file.bias(outputs)], shape, options)


def _dense(file: _File, operator: Operator, inputs: int, outputs: int) -> None:
    rows = operator.height * operator.width
    x, kernel = file.input(rows, inputs), file.kernel((outputs, inputs), 0)
    options = file.schema.FullyConnectedOptionsT()
    file.operator("FULLY_CONNECTED", [x, kernel, file.bias(outputs)], (rows, outputs), options)


def _pool(name: str) -> Callable[..., None]:
    def build(file: _File, operator: Operator, inputs: int, outputs: int) -> None:
        x = file.input(1, operator.height, operator.width, inputs)
        options = _windowed(file, file.schema.Pool2DOptionsT(), operator)
        options.filterHeight, options.filterWidth = operator.kernel
        file.operator(name, [x], (1, *operator.output_size, inputs), options)

    return build


def _mean(file: _File, operator: Operator, inputs: int, outputs: int) -> None:
    x = file.input(1, operator.height, operator.width, inputs)
    options = file.schema.ReducerOptionsT()
    axes = file.tensor((2,), np.array([1, 2], "int32"))
    file.graph.tensors[axes].quantization = None
    file.operator("MEAN", [x, axes], (1, inputs), options)


def _binary(file: _File, operator: Operator, inputs: int, outputs: int) -> None:
    shape = (1, operator.height, operator.width, inputs)
    file.operator("ADD", [file.input(*shape), file.input(*shape)], shape, file.schema.AddOptionsT())


def _scale(file: _File, operator: Operator, inputs: int, outputs: int) -> None:
    shape = (1, operator.height, operator.width, inputs)
    x, factor = file.input(*shape), file.kernel((inputs,), -1)
    file.operator("MUL", [x, factor], shape, file.schema.MulOptionsT())


def _unary(file: _File, operator: Operator, inputs: int, outputs: int) -> None:
    shape = (1, operator.height, operator.width, inputs)
    file.operator("LOGISTIC", [file.input(*shape)], shape, None)


def _clamp(file: _File, operator: Operator, inputs: int, outputs: int) -> None:
    shape = (1, operator.height, operator.width, inputs)
    file.operator("RELU", [file.input(*shape)], shape, None)


def _concat(file: _File, operator: Operator, inputs: int, outputs: int) -> None:
    size = (1, operator.height, operator.width)
    half = inputs // 2
    parts = [file.input(*size, width) for width in (half, inputs - half) if width]
    options = file.schema.ConcatenationOptionsT()
    options.axis = 3
    file.operator("CONCATENATION", parts, (*size, inputs), options)


def _pad(file: _File, operator: Operator, inputs: int, outputs: int) -> None:
    x = file.input(1, operator.height, operator.width, inputs)
    extra = [size - 1 for size in operator.kernel]
    around = [[0, 0], *([one // 2, one - one // 2] for one in extra), [0, 0]]
    amounts = file.tensor((4, 2), np.array(around, "int32"))
    file.graph.tensors[amounts].quantization = None
    shape = (1, *operator.output_size, inputs)
    file.operator("PAD", [x, amounts], shape, file.schema.PadOptionsT())


_BUILDERS: dict[str, Callable[..., None]] = {
    "average_pool": _pool("AVERAGE_POOL_2D"),
    "binary": _binary,
    "clamp": _clamp,
    "concat": _concat,
    "conv": _conv,
    "dense": _dense,
    "depthwise": _depthwise,
    "max_pool": _pool("MAX_POOL_2D"),
    "mean": _mean,
    "pad": _pad,
    "scale": _scale,
    "unary": _unary,
}
