"""A LiteRT file of one operator, written piece by piece."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ccm_tf.litert_metadata import packed_model


class OperatorFile:
    """A file of one operator in the making.

    Args:
        dtype: `"float32"` or `"int8"`.

    Attributes:
        schema: LiteRT's schema.
        graph: What the file computes.
    """

    def __init__(self, dtype: str):
        from ai_edge_litert import schema_py_generated

        self.schema = schema_py_generated
        self.integers = dtype == "int8"
        self.graph = self.schema.SubGraphT()
        self.graph.tensors, self.graph.inputs = [], []
        self.buffers = [self.schema.BufferT()]
        self.code: Any = None

    def input(self, *shape: int) -> int:
        """A feature map that the operator reads."""
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
        """Weights, with the axis of the channels that are made."""
        size = int(np.prod(shape))
        # Any values do, but for zeros; random ones would take longer than what is measured.
        pattern = np.arange(1, 98, dtype="int8")
        values = np.resize(pattern if self.integers else pattern / np.float32(97), size)
        return self.tensor(
            shape, values.astype("int8" if self.integers else "float32"), channel_axis
        )

    def bias(self, width: int) -> int:
        """What is added to each channel."""
        return self.tensor((width,), np.ones(width, "int32" if self.integers else "float32"), 0)

    def indices(self, values: Any) -> int:
        """A constant of numbers that count something, such as axes and sizes."""
        array = np.array(values, "int32")
        index = self.tensor(array.shape, array)
        self.graph.tensors[index].quantization = None
        return index

    def operator(
        self, name: str, inputs: list[int], output: Sequence[int], options: Any, version: int = 1
    ) -> None:
        """Ends the file with an operator and its output."""
        self.code = self.schema.OperatorCodeT()
        number = getattr(self.schema.BuiltinOperator, name)
        # Codes above 127 do not fit the old field.
        self.code.builtinCode, self.code.deprecatedBuiltinCode = number, min(number, 127)
        self.code.version = max(version, 3 if self.integers else 1)
        operator = self.schema.OperatorT()
        operator.opcodeIndex, operator.inputs = 0, inputs
        operator.outputs = [self.tensor(output)]
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, kind)
            operator.builtinOptions = options
        self.graph.operators, self.graph.outputs = [operator], operator.outputs

    def content(self) -> bytes:
        """The file."""
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
