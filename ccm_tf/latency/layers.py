"""Which LiteRT operators the converter makes of each kind of Keras layer."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import layers

from ccm_tf.graph.trace import Call, Tensor
from ccm_tf.latency.operators import Operator, Pair
from ccm_tf.latency.reader import Reader, Work, register_work


def _size(tensor: Tensor) -> Pair:
    """Height and width of a tensor; one-dimensional ones lie along the width."""
    inner = [int(size or 1) for size in tensor.shape[1:-1]]
    return (1, 1) if not inner else (int(np.prod(inner[:-1], dtype=int)), inner[-1])


def _pair(value: Any) -> Pair:
    values = tuple(int(v) for v in value)
    return values if len(values) == 2 else (1, values[0])


def _elementwise(kind: str, reader: Reader, call: Call, tensor: Tensor) -> Work:
    height, width = _size(tensor)
    channels = reader.width(tensor)
    return Work(call.name, Operator(kind, height, width), channels, channels)


def _activated(reader: Reader, call: Call) -> Iterator[Work]:
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


@register_work(layers.Conv1D, layers.Conv2D)
def _convolution(reader: Reader, call: Call) -> Iterator[Work]:
    operator = _window("conv", call.op, call.inputs[0], call.op.kernel_size)
    inputs = reader.width(call.inputs[0])
    if call.op.groups > 1:
        # A kernel reads one of several equally wide groups.
        inputs = inputs // call.op.groups if isinstance(inputs, int) else inputs[:: call.op.groups]
    yield Work(call.name, operator, inputs, reader.width(call.outputs[0]))
    yield from _activated(reader, call)


@register_work(layers.Conv1DTranspose, layers.Conv2DTranspose)
def _transposed(reader: Reader, call: Call) -> Iterator[Work]:
    operator = _window("transposed", call.op, call.inputs[0], call.op.kernel_size)
    yield Work(call.name, operator, reader.width(call.inputs[0]), reader.width(call.outputs[0]))
    yield from _activated(reader, call)


@register_work(layers.DepthwiseConv1D, layers.DepthwiseConv2D)
def _depthwise(reader: Reader, call: Call) -> Iterator[Work]:
    operator = _window("depthwise", call.op, call.inputs[0], call.op.kernel_size)
    width = reader.width(call.outputs[0])
    yield Work(call.name, operator, width, width)
    yield from _activated(reader, call)


@register_work(layers.SeparableConv1D, layers.SeparableConv2D)
def _separable(reader: Reader, call: Call) -> Iterator[Work]:
    operator = _window("depthwise", call.op, call.inputs[0], call.op.kernel_size)
    inputs = reader.width(call.inputs[0])
    yield Work(call.name, operator, inputs, inputs)
    pointwise = Operator("conv", *operator.output_size)
    yield Work(call.name, pointwise, inputs, reader.width(call.outputs[0]))
    yield from _activated(reader, call)


@register_work(layers.Dense)
def _dense(reader: Reader, call: Call) -> Iterator[Work]:
    operator = Operator("dense", *_size(call.inputs[0]))
    yield Work(call.name, operator, reader.width(call.inputs[0]), reader.width(call.outputs[0]))
    yield from _activated(reader, call)


_KERNELS = (
    layers.Conv1D,
    layers.Conv1DTranspose,
    layers.Conv2D,
    layers.Conv2DTranspose,
    layers.Dense,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
)


def _kernel_before(reader: Reader, call: Call) -> bool:
    """Whether what a call does can become part of a kernel: of that before it, itself linear."""
    before = reader.before(call)
    if before is None or len(reader.behind(before)) > 1:
        return False
    if isinstance(before.op, layers.BatchNormalization):
        return _kernel_before(reader, before)
    linear = getattr(before.op, "activation", None) in (None, keras.activations.linear)
    return linear and isinstance(before.op, _KERNELS)


@register_work(layers.BatchNormalization)
def _normalisation(reader: Reader, call: Call) -> Iterator[Work]:
    if not _kernel_before(reader, call):
        yield _elementwise("scale", reader, call, call.outputs[0])
        yield _elementwise("scale", reader, call, call.outputs[0])


@register_work(layers.Rescaling, layers.Normalization)
def _rescaling(reader: Reader, call: Call) -> Iterator[Work]:
    yield _elementwise("scale", reader, call, call.outputs[0])


@register_work(layers.ReLU, "Relu", "Relu6")
def _relu(reader: Reader, call: Call) -> Iterator[Work]:
    plain = not getattr(call.op, "negative_slope", 0) and not getattr(call.op, "threshold", 0)
    # The file says that a sum ends in a rectifier; XNNPACK computes one after the other.
    if not plain or not _kernel_before(reader, call):
        yield _elementwise("clamp" if plain else "unary", reader, call, call.outputs[0])


@register_work(layers.Activation)
def _activation(reader: Reader, call: Call) -> Iterator[Work]:
    if _rectifier(call.op.activation):
        yield from _relu(reader, call)
    else:
        yield _elementwise("unary", reader, call, call.outputs[0])


@register_work(
    layers.ELU, layers.LeakyReLU, layers.PReLU, layers.Softmax, "HardSigmoid", "HardSilu",
    "Sigmoid", "Silu", "Softmax", "Tanh",
)  # fmt: skip
def _unary(reader: Reader, call: Call) -> Iterator[Work]:
    yield _elementwise("unary", reader, call, call.outputs[0])


@register_work(
    layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum,
    "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum",
)  # fmt: skip
def _merge(reader: Reader, call: Call) -> Iterator[Work]:
    kind = "binary" if len(call.inputs) > 1 else "scale"
    for _ in range(max(len(call.inputs) - 1, 1)):
        yield _elementwise(kind, reader, call, call.outputs[0])


@register_work(layers.Concatenate, "Concatenate")
def _concatenate(reader: Reader, call: Call) -> Iterator[Work]:
    yield _elementwise("concat", reader, call, call.outputs[0])


@register_work(layers.MaxPooling1D, layers.MaxPooling2D)
def _max_pool(reader: Reader, call: Call) -> Iterator[Work]:
    yield from _pool("max_pool", reader, call)


@register_work(layers.AveragePooling1D, layers.AveragePooling2D)
def _average_pool(reader: Reader, call: Call) -> Iterator[Work]:
    yield from _pool("average_pool", reader, call)


def _pool(kind: str, reader: Reader, call: Call) -> Iterator[Work]:
    width = reader.width(call.inputs[0])
    operator = _window(kind, call.op, call.inputs[0], call.op.pool_size)
    yield Work(call.name, operator, width, width)


@register_work(
    layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, "Mean",
)  # fmt: skip
def _mean(reader: Reader, call: Call) -> Iterator[Work]:
    yield _elementwise("mean", reader, call, call.inputs[0])


@register_work(layers.UpSampling1D, layers.UpSampling2D)
def _upsampling(reader: Reader, call: Call) -> Iterator[Work] | None:
    if getattr(call.op, "interpolation", "nearest") != "nearest":
        return _resizing(reader, call)
    size = call.op.size
    rows, columns = _pair(size if isinstance(size, (tuple, list)) else [size])
    return _repeated(reader, call, rows, columns)


def _repeated(reader: Reader, call: Call, rows: int, columns: int) -> Iterator[Work]:
    """Keras repeats rows, then columns, each of which becomes a tiling."""
    height, width = _size(call.inputs[0])
    channels = reader.width(call.outputs[0])
    if rows > 1:
        yield Work(call.name, Operator("tile", height, width, strides=(rows, 1)), *2 * [channels])
    if columns > 1:
        operator = Operator("tile", height * rows, width, strides=(1, columns))
        yield Work(call.name, operator, channels, channels)


@register_work(layers.Resizing, "Resize")
def _resizing(reader: Reader, call: Call) -> Iterator[Work] | None:
    op = call.op
    changed = ("antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio")
    if op.interpolation not in ("bilinear", "nearest") or any(getattr(op, c, 0) for c in changed):
        return None
    before, after = _size(call.inputs[0]), _size(call.outputs[0])
    channels = reader.width(call.outputs[0])
    return iter(
        [
            Work(
                call.name,
                Operator(f"resize_{op.interpolation}", *before, after),
                channels,
                channels,
            )
        ]
    )


@register_work(layers.ZeroPadding1D, layers.ZeroPadding2D, "Pad")
def _pad(reader: Reader, call: Call) -> Iterator[Work]:
    windows = (layers.Conv2D, layers.DepthwiseConv2D)
    if all(isinstance(after.op, windows) for after in reader.behind(call)):
        return
    before, after = _size(call.inputs[0]), _size(call.outputs[0])
    kernel = tuple(b - a + 1 for a, b in zip(before, after, strict=True))
    operator = Operator("pad", *before, kernel)  # type: ignore[arg-type]
    yield Work(call.name, operator, reader.width(call.outputs[0]), reader.width(call.outputs[0]))


@register_work("GetItem", layers.Cropping2D)
def _slice(reader: Reader, call: Call) -> Iterator[Work]:
    # It copies what it takes, as a padding by nothing does.
    yield _elementwise("pad", reader, call, call.outputs[0])
