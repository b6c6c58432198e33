"""Which LiteRT operators a Keras model becomes, with the labels of their channels."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.flow import Kept
from ccm_tf.graph.registry import is_keras_operation
from ccm_tf.graph.trace import Call, Tensor
from ccm_tf.latency.operators import Operator, Pair

Width = np.ndarray | int


@dataclasses.dataclass(frozen=True)
class Work:
    """One operator of a model.

    Attributes:
        layer: Name of the layer that it comes from.
        operator: What it does.
        inputs: Labels of the channels that it reads, or a number.
        outputs: Labels of the channels that it makes, or a number.
    """

    layer: str
    operator: Operator
    inputs: Width
    outputs: Width

    def widths(self, kept: Kept | None = None) -> Pair:
        """How many channels it reads and makes if only some stay."""
        return _count(self.inputs, kept), _count(self.outputs, kept)


@dataclasses.dataclass(frozen=True)
class ModelWork:
    """What a model becomes.

    Attributes:
        works: Its operators.
        unknown: Layers of whose operators nothing is known; they count nothing.
    """

    works: tuple[Work, ...]
    unknown: tuple[str, ...]


def model_work(graph: ChannelGraph) -> ModelWork:
    """The operators that the converter makes of a model.

    It folds batch normalisation and zero padding into the convolutions beside them and rectifiers
    into whatever computes before them, so these cost nothing of their own there.

    Args:
        graph: The model's channel graph; sizes must be known but for the batch.

    Raises:
        ValueError: If the model leaves sizes of its input open.
    """
    opened = [t.shape for t in graph.trace.flat_inputs if any(s is None for s in t.shape[1:])]
    if opened:
        raise ValueError(
            f"Latency cannot be predicted: the model's input has unknown sizes {opened}. Build the "
            "model for the size that it will run at."
        )
    reader, works, unknown = _Reader(graph), [], []
    for call in graph.trace.calls:
        handler = _handler(call.op)
        if handler is not None:
            works += list(handler(reader, call))
        elif graph.effects[call.position].macs or not _free(call.op):
            unknown.append(call.name)
    return ModelWork(tuple(works), tuple(dict.fromkeys(unknown)))


def _count(width: Width, kept: Kept | None) -> int:
    if isinstance(width, int):
        return width
    return len(width) if kept is None else int(np.count_nonzero(kept(width)))


class _Reader:
    """What handlers look up: widths of tensors, and who stands before and behind."""

    def __init__(self, graph: ChannelGraph):
        self.graph = graph
        self.readers: dict[int, list[Call]] = {}
        for call in graph.trace.calls:
            for tensor in call.inputs:
                self.readers.setdefault(tensor.call, []).append(call)

    def width(self, tensor: Tensor) -> Width:
        channels = self.graph.channels_of(tensor)
        if channels is None or channels.axis != len(tensor.shape) - 1:
            return int(tensor.shape[-1] or 1)
        return channels.labels

    def before(self, call: Call) -> Call | None:
        """The call that made the input, past those that cost nothing."""
        position = call.inputs[0].call if call.inputs else -1
        while position >= 0:
            found = self.graph.trace.calls[position]
            if not _free(found.op) or not found.inputs:
                return found
            position = found.inputs[0].call
        return None

    def behind(self, call: Call) -> list[Call]:
        return self.readers.get(call.position, [])


Handler = Callable[[_Reader, Call], Iterator[Work]]

_HANDLERS: dict[type | str, Handler] = {}


def _register(*kinds: type | str) -> Callable[[Handler], Handler]:
    def decorator(handler: Handler) -> Handler:
        for kind in kinds:
            _HANDLERS[kind] = handler
        return handler

    return decorator


def _handler(op: keras.Operation) -> Handler | None:
    if isinstance(op, keras.Layer):
        return next((_HANDLERS[kind] for kind in type(op).__mro__ if kind in _HANDLERS), None)
    return _HANDLERS.get(type(op).__name__) if is_keras_operation(op) else None


_FREE_LAYERS = (
    layers.ActivityRegularization,
    layers.Dropout,
    layers.Flatten,
    layers.GaussianNoise,
    layers.Identity,
    layers.InputLayer,
    layers.Reshape,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
)
_FREE_OPERATIONS = {"Cast", "ExpandDims", "Reshape", "Squeeze", "StopGradient"}


def _free(op: keras.Operation) -> bool:
    """Whether nothing is computed."""
    if isinstance(op, keras.Layer):
        return isinstance(op, _FREE_LAYERS)
    return is_keras_operation(op) and type(op).__name__ in _FREE_OPERATIONS


def _size(tensor: Tensor) -> Pair:
    """Height and width of a tensor; one-dimensional ones lie along the width."""
    inner = [int(size or 1) for size in tensor.shape[1:-1]]
    return (1, 1) if not inner else (int(np.prod(inner[:-1], dtype=int)), inner[-1])


def _pair(value: Any) -> Pair:
    values = tuple(int(v) for v in value)
    return values if len(values) == 2 else (1, values[0])


def _elementwise(kind: str, reader: _Reader, call: Call, tensor: Tensor) -> Work:
    height, width = _size(tensor)
    channels = reader.width(tensor)
    return Work(call.name, Operator(kind, height, width), channels, channels)


def _activated(reader: _Reader, call: Call) -> Iterator[Work]:
    """The activation within a layer, if it is more than a rectifier."""
    if not _rectifier(getattr(call.op, "activation", None)):
        yield _elementwise("unary", reader, call, call.outputs[0])


def _rectifier(activation: Any) -> bool:
    known = (keras.activations.linear, keras.activations.relu, keras.activations.relu6)
    return activation is None or any(activation is one for one in known)


def _window(kind: str, op: Any, tensor: Tensor, kernel: Any) -> Operator:
    height, width = _size(tensor)
    padding = "same" if op.padding in ("same", "causal") else "valid"
    dilation = _pair(getattr(op, "dilation_rate", (1, 1)))
    return Operator(kind, height, width, _pair(kernel), _pair(op.strides), dilation, padding)


@_register(layers.Conv1D, layers.Conv2D)
def _convolution(reader: _Reader, call: Call) -> Iterator[Work]:
    operator = _window("conv", call.op, call.inputs[0], call.op.kernel_size)
    inputs = reader.width(call.inputs[0])
    if call.op.groups > 1:
        # A kernel reads one of several equally wide groups.
        inputs = inputs // call.op.groups if isinstance(inputs, int) else inputs[:: call.op.groups]
    yield Work(call.name, operator, inputs, reader.width(call.outputs[0]))
    yield from _activated(reader, call)


@_register(layers.DepthwiseConv1D, layers.DepthwiseConv2D)
def _depthwise(reader: _Reader, call: Call) -> Iterator[Work]:
    operator = _window("depthwise", call.op, call.inputs[0], call.op.kernel_size)
    width = reader.width(call.outputs[0])
    yield Work(call.name, operator, width, width)
    yield from _activated(reader, call)


@_register(layers.SeparableConv1D, layers.SeparableConv2D)
def _separable(reader: _Reader, call: Call) -> Iterator[Work]:
    operator = _window("depthwise", call.op, call.inputs[0], call.op.kernel_size)
    inputs = reader.width(call.inputs[0])
    yield Work(call.name, operator, inputs, inputs)
    pointwise = Operator("conv", *operator.output_size)
    yield Work(call.name, pointwise, inputs, reader.width(call.outputs[0]))
    yield from _activated(reader, call)


@_register(layers.Dense)
def _dense(reader: _Reader, call: Call) -> Iterator[Work]:
    operator = Operator("dense", *_size(call.inputs[0]))
    yield Work(call.name, operator, reader.width(call.inputs[0]), reader.width(call.outputs[0]))
    yield from _activated(reader, call)


@_register(layers.BatchNormalization)
def _normalisation(reader: _Reader, call: Call) -> Iterator[Work]:
    before = reader.before(call)
    linear = before is not None and (
        getattr(before.op, "activation", None) in (None, keras.activations.linear)
    )
    kernel = (layers.Conv1D, layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
    if before is None or not linear or not isinstance(before.op, (*kernel, layers.Dense)):
        yield _elementwise("scale", reader, call, call.outputs[0])
        yield _elementwise("scale", reader, call, call.outputs[0])


@_register(layers.Rescaling, layers.Normalization)
def _rescaling(reader: _Reader, call: Call) -> Iterator[Work]:
    yield _elementwise("scale", reader, call, call.outputs[0])


@_register(layers.ReLU, "Relu", "Relu6")
def _relu(reader: _Reader, call: Call) -> Iterator[Work]:
    before = reader.before(call)
    plain = not getattr(call.op, "negative_slope", 0) and not getattr(call.op, "threshold", 0)
    if before is None or not plain or len(reader.behind(before)) > 1:
        yield _elementwise("unary", reader, call, call.outputs[0])


@_register(layers.Activation)
def _activation(reader: _Reader, call: Call) -> Iterator[Work]:
    if _rectifier(call.op.activation):
        yield from _relu(reader, call)
    else:
        yield _elementwise("unary", reader, call, call.outputs[0])


@_register(
    layers.ELU, layers.LeakyReLU, layers.PReLU, layers.Softmax, "HardSigmoid", "HardSilu",
    "Sigmoid", "Silu", "Softmax", "Tanh",
)  # fmt: skip
def _unary(reader: _Reader, call: Call) -> Iterator[Work]:
    yield _elementwise("unary", reader, call, call.outputs[0])


@_register(
    layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum,
    "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum",
)  # fmt: skip
def _merge(reader: _Reader, call: Call) -> Iterator[Work]:
    kind = "binary" if len(call.inputs) > 1 else "scale"
    for _ in range(max(len(call.inputs) - 1, 1)):
        yield _elementwise(kind, reader, call, call.outputs[0])


@_register(layers.Concatenate, "Concatenate")
def _concatenate(reader: _Reader, call: Call) -> Iterator[Work]:
    yield _elementwise("concat", reader, call, call.outputs[0])


@_register(layers.MaxPooling1D, layers.MaxPooling2D)
def _max_pool(reader: _Reader, call: Call) -> Iterator[Work]:
    yield from _pool("max_pool", reader, call)


@_register(layers.AveragePooling1D, layers.AveragePooling2D)
def _average_pool(reader: _Reader, call: Call) -> Iterator[Work]:
    yield from _pool("average_pool", reader, call)


def _pool(kind: str, reader: _Reader, call: Call) -> Iterator[Work]:
    width = reader.width(call.inputs[0])
    operator = _window(kind, call.op, call.inputs[0], call.op.pool_size)
    yield Work(call.name, operator, width, width)


@_register(
    layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, "Mean",
)  # fmt: skip
def _mean(reader: _Reader, call: Call) -> Iterator[Work]:
    yield _elementwise("mean", reader, call, call.inputs[0])


@_register(layers.ZeroPadding1D, layers.ZeroPadding2D, "Pad")
def _pad(reader: _Reader, call: Call) -> Iterator[Work]:
    windows = (layers.Conv2D, layers.DepthwiseConv2D)
    if all(isinstance(after.op, windows) for after in reader.behind(call)):
        return
    before, after = _size(call.inputs[0]), _size(call.outputs[0])
    kernel = tuple(b - a + 1 for a, b in zip(before, after, strict=True))
    operator = Operator("pad", *before, kernel)  # type: ignore[arg-type]
    yield Work(call.name, operator, reader.width(call.outputs[0]), reader.width(call.outputs[0]))


@_register("GetItem", layers.Cropping2D)
def _slice(reader: _Reader, call: Call) -> Iterator[Work]:
    # It copies what it takes, as a padding by nothing does.
    yield _elementwise("pad", reader, call, call.outputs[0])
