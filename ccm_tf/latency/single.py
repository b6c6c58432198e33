"""LiteRT files of a single operator, written without a converter."""

from collections.abc import Callable
from typing import Any

from ccm_tf.latency.operator_file import OperatorFile
from ccm_tf.latency.operators import Operator

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
    file = OperatorFile(dtype)
    _BUILDERS[operator.kind](file, operator, inputs, outputs)
    return file.content()


def _windowed(file: OperatorFile, options: Any, operator: Operator) -> Any:
    same = operator.padding == "same"
    options.padding = file.schema.Padding.SAME if same else file.schema.Padding.VALID
    options.strideH, options.strideW = operator.strides
    return options


def _conv(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    x = file.input(1, operator.height, operator.width, inputs)
    kernel = file.kernel((outputs, *operator.kernel, inputs), 0)
    options = _windowed(file, file.schema.Conv2DOptionsT(), operator)
    options.dilationHFactor, options.dilationWFactor = operator.dilation
    shape = (1, *operator.output_size, outputs)
    file.operator("CONV_2D", [x, kernel, file.bias(outputs)], shape, options)


def _transposed(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    size = (1, *operator.output_size, outputs)
    shape = file.indices(size)
    kernel = file.kernel((outputs, *operator.kernel, inputs), 0)
    x = file.input(1, operator.height, operator.width, inputs)
    options = _windowed(file, file.schema.TransposeConvOptionsT(), operator)
    file.operator("TRANSPOSE_CONV", [shape, kernel, x, file.bias(outputs)], size, options, 3)


def _depthwise(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    x = file.input(1, operator.height, operator.width, inputs)
    kernel = file.kernel((1, *operator.kernel, outputs), 3)
    options = _windowed(file, file.schema.DepthwiseConv2DOptionsT(), operator)
    options.dilationHFactor, options.dilationWFactor = operator.dilation
    options.depthMultiplier = max(outputs // inputs, 1)
    shape = (1, *operator.output_size, outputs)
    file.operator("DEPTHWISE_CONV_2D", [x, kernel, file.bias(outputs)], shape, options)


def _dense(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    rows = operator.height * operator.width
    x, kernel = file.input(rows, inputs), file.kernel((outputs, inputs), 0)
    options = file.schema.FullyConnectedOptionsT()
    file.operator("FULLY_CONNECTED", [x, kernel, file.bias(outputs)], (rows, outputs), options)


def _pool(name: str) -> Callable[..., None]:
    def build(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
        x = file.input(1, operator.height, operator.width, inputs)
        options = _windowed(file, file.schema.Pool2DOptionsT(), operator)
        options.filterHeight, options.filterWidth = operator.kernel
        file.operator(name, [x], (1, *operator.output_size, inputs), options)

    return build


def _mean(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    x = file.input(1, operator.height, operator.width, inputs)
    options = file.schema.ReducerOptionsT()
    file.operator("MEAN", [x, file.indices([1, 2])], (1, inputs), options)


def _binary(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    shape = (1, operator.height, operator.width, inputs)
    file.operator("ADD", [file.input(*shape), file.input(*shape)], shape, file.schema.AddOptionsT())


def _scale(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    shape = (1, operator.height, operator.width, inputs)
    x, factor = file.input(*shape), file.kernel((inputs,), -1)
    file.operator("MUL", [x, factor], shape, file.schema.MulOptionsT())


def _unary(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    shape = (1, operator.height, operator.width, inputs)
    file.operator("LOGISTIC", [file.input(*shape)], shape, None)


def _clamp(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    shape = (1, operator.height, operator.width, inputs)
    file.operator("RELU", [file.input(*shape)], shape, None)


def _concat(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    size = (1, operator.height, operator.width)
    half = inputs // 2
    parts = [file.input(*size, width) for width in (half, inputs - half) if width]
    options = file.schema.ConcatenationOptionsT()
    options.axis = 3
    file.operator("CONCATENATION", parts, (*size, inputs), options)


def _pad(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    x = file.input(1, operator.height, operator.width, inputs)
    extra = [size - 1 for size in operator.kernel]
    around = [[0, 0], *([one // 2, one - one // 2] for one in extra), [0, 0]]
    shape = (1, *operator.output_size, inputs)
    file.operator("PAD", [x, file.indices(around)], shape, file.schema.PadOptionsT())


def _tile(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
    # Repeats lie along an axis of their own, of which a reshaping makes rows or columns.
    height, width = operator.height, operator.width
    rows, columns = operator.strides
    x = file.input(*((1, height, width, 1, inputs) if rows == 1 else (1, height, 1, width, inputs)))
    often = (1, 1, 1, columns, 1) if rows == 1 else (1, 1, rows, 1, 1)
    shape = (1, height, width, columns, inputs) if rows == 1 else (1, height, rows, width, inputs)
    file.operator("TILE", [x, file.indices(often)], shape, None)


def _resize(name: str, options: str) -> Callable[..., None]:
    def build(file: OperatorFile, operator: Operator, inputs: int, outputs: int) -> None:
        x = file.input(1, operator.height, operator.width, inputs)
        chosen = getattr(file.schema, options)()
        # As Keras's layers do it.
        chosen.halfPixelCenters = True
        size = file.indices(operator.output_size)
        file.operator(name, [x, size], (1, *operator.output_size, inputs), chosen)

    return build


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
    "resize_bilinear": _resize("RESIZE_BILINEAR", "ResizeBilinearOptionsT"),
    "resize_nearest": _resize("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptionsT"),
    "scale": _scale,
    "tile": _tile,
    "transposed": _transposed,
    "unary": _unary,
}
