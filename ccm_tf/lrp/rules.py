"""How each kind of layer hands relevance back, as functions forward.

Relevance goes backwards, and each rule is linear in it. So the rules are written as what they are
the transpose of: every tensor has a carrier of its shape, a layer computes the carriers of its
outputs from those of its inputs, and the derivative of the relevant output's carrier with respect
to any other carrier is the relevance there. The backend's own differentiation does the rest, so
strides, padding, dilation and groups come out exactly.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ccm_tf.graph.calls import Call, filled, key_of
from ccm_tf.graph.handlers import (
    convolution,
    dense,
    elementwise,
    merge,
    normalization,
    shape,
    slicing,
)
from ccm_tf.graph.registry import handler_for
from ccm_tf.lrp.settings import Settings

# rule(call, values, carriers, outputs, signed, settings) -> carriers of the outputs.
Rule = Callable[[Call, list, list, list, bool, Settings], list]


def rule_for(call: Call) -> Rule:
    """The rule of a call; shares of the output for kinds that none is written for."""
    rule = _RULES.get(handler_for(call.op), shares)
    if rule is shares and type(call.op).__name__ in ("Multiply", "Divide", "TrueDivide"):
        return halves
    return rule


def live(carrier: Any) -> Any:
    """Ones that differentiate like the carrier."""
    return 1 + (carrier - ops.stop_gradient(carrier))


def shares(call, values, carriers, outputs, signed, settings):
    """Each input gets what it contributes: its value times the derivative, over the output.

    For sums that is each summand's share, for averages each element's, for maxima all to the
    winner.
    """
    lively = iter([ops.cast(v, "float32") * live(c) for v, c in zip(values, carriers, strict=True)])
    made = _again(call, lively)
    factor = _reference_factor(call) if settings.reference else 1.0
    return [factor * one / _away_from_zero(one, settings.epsilon) for one in made]


def halves(call, values, carriers, outputs, signed, settings):
    """A product: each factor gets the same part."""
    parts = [carrier + ops.zeros_like(outputs[0], "float32") for carrier in carriers]
    return [sum(parts) / len(parts)]


def identity(call, values, carriers, outputs, signed, settings):
    """What comes in leaves unchanged."""
    return [carriers[0]]


def moves(call, values, carriers, outputs, signed, settings):
    """Elements only change places, and so do their carriers."""
    return _again(call, iter(carriers))


def _again(call: Call, tensors: Any) -> list:
    """The call's operation on other tensors."""
    table = {key_of(tensor): value for tensor, value in zip(call.inputs, tensors, strict=True)}
    return _flat(call.op(*filled(call.args, table), **filled(call.kwargs, table)), call)


def _flat(result: Any, call: Call) -> list:
    flat = keras.tree.flatten(result)
    return [flat[tensor.index] for tensor in call.outputs]


def _away_from_zero(value: Any, epsilon: float) -> Any:
    value = ops.stop_gradient(value)
    return ops.where(value < 0, value - epsilon, value + epsilon)


def _reference_factor(call: Call) -> float:
    """The published rule for averages leaves out the number of elements."""
    op = call.op
    name = type(op).__name__
    if name.startswith("AveragePooling"):
        size = op.pool_size
        total = 1
        for length in (size,) if isinstance(size, int) else size:
            total *= length
        return float(total)
    if name.startswith("GlobalAveragePooling"):
        inputs, outputs = call.inputs[0].shape, call.outputs[0].shape
        channels = outputs[-1] or 1
        total = 1
        for length in inputs[1:]:
            total *= length or 1
        return total / channels
    return 1.0


def alpha_beta(
    linear: Callable[[Any, Any], Any],
    kernel: Any,
    value: Any,
    carrier: Any,
    signed: bool,
    settings: Settings,
    channels: int | None = None,
) -> tuple[Any, Any]:
    """The alpha-beta rule for a layer that is linear in its input; biases are left out.

    Args:
        linear: `linear(x, w)`, the layer as a function of input and kernel.
        kernel: The kernel.
        value: The input.
        carrier: Its carrier.
        signed: Whether the input may be negative.
        settings: Alpha and beta. Where nothing speaks against an output, or nothing for it, the
            other side gets everything, so that relevance is conserved.
        channels: The output's channel axis, if the kernel has its own for each channel along its
            last axis: what is for and against an output then comes from one call.

    Returns:
        The carrier of the output, and the output without a bias.
    """
    value, kernel = ops.cast(value, "float32"), ops.cast(kernel, "float32")
    # The published code gives convolutions no weight smaller than that, of either sign.
    least = settings.epsilon if settings.reference and len(kernel.shape) > 2 else 0.0
    kernels = ops.maximum(kernel, least), ops.minimum(kernel, -least)
    lively = value * live(carrier)
    if signed and not settings.reference:
        up, down = ops.where(value > 0, lively, 0.0), ops.where(value < 0, lively, 0.0)
        for_it, against = _both(linear, up, kernels, channels)
        others = _both(linear, down, kernels, channels)
        for_it, against = for_it + others[1], against + others[0]
    else:
        for_it, against = _both(linear, lively, kernels, channels)
    plus, minus = ops.stop_gradient(for_it), ops.stop_gradient(against)
    alpha, beta, epsilon = settings.alpha, settings.beta, settings.epsilon
    if settings.reference:
        made = alpha / (plus + epsilon) * for_it - beta / (minus + epsilon) * against
        return made, None
    # Where a side is empty, so is everything that is multiplied with its factor.
    up = ops.where(minus == 0, 1.0, alpha) / (plus + epsilon)
    down = ops.where(plus == 0, -1.0, beta) / (minus - epsilon)
    return up * for_it - down * against, plus + minus


def _both(linear: Callable, value: Any, kernels: tuple, channels: int | None) -> tuple[Any, Any]:
    if channels is None:
        return linear(value, kernels[0]), linear(value, kernels[1])
    first, second = ops.split(linear(value, ops.concatenate(kernels, axis=-1)), 2, axis=channels)
    return first, second


def linear_call(
    call: Call, values: list, carriers: list, signed: bool, settings: Settings
) -> tuple[list, list] | None:
    """Carriers and outputs of a layer with a kernel, from one pass; `None` for other calls."""
    rule = _LINEAR.get(handler_for(call.op))
    if rule is None or settings.reference:
        return None
    op = call.op
    carrier, output = rule(op, values[0], carriers[0], signed, settings)
    if getattr(op, "bias", None) is not None:
        shape = [1] * len(output.shape)
        shape[_channels(op)] = -1
        output = output + ops.reshape(ops.cast(op.bias, "float32"), shape)
    if op.activation is not None:
        output = op.activation(output)
    return [carrier], [ops.cast(ops.stop_gradient(output), call.op.compute_dtype)]


def _kernel_rule(call, values, carriers, outputs, signed, settings):
    rule = _LINEAR[handler_for(call.op)]
    return [rule(call.op, values[0], carriers[0], signed, settings)[0]]


def _channels(op: Any) -> int:
    return 1 if getattr(op, "data_format", "channels_last") == "channels_first" else -1


def _dense(op, value, carrier, signed, settings):
    return alpha_beta(ops.matmul, op.kernel, value, carrier, signed, settings, -1)


def _options(op: Any) -> dict[str, Any]:
    return {
        "strides": op.strides,
        "padding": op.padding if op.padding != "causal" else "valid",
        "data_format": op.data_format,
        "dilation_rate": op.dilation_rate,
    }


def _padded(op: Any, value: Any) -> Any:
    """The past that a causal convolution starts with."""
    if op.padding != "causal":
        return value
    before = op.dilation_rate[0] * (op.kernel_size[0] - 1)
    past, whole = [before, 0], [0, 0]
    last = op.data_format == "channels_last"
    return ops.pad(value, [whole, past, whole] if last else [whole, whole, past])


def _convolution(op, value, carrier, signed, settings):
    def linear(x, w):
        return ops.conv(_padded(op, x), w, **_options(op))

    channels = _channels(op) if op.groups == 1 else None
    return alpha_beta(linear, op.kernel, value, carrier, signed, settings, channels)


def _transposed(op, value, carrier, signed, settings):
    def linear(x, w):
        return ops.conv_transpose(
            x, w, output_padding=getattr(op, "output_padding", None), **_options(op)
        )

    return alpha_beta(linear, op.kernel, value, carrier, signed, settings)


def _depthwise(op, value, carrier, signed, settings):
    def linear(x, w):
        return ops.depthwise_conv(_padded(op, x), w, **_options(op))

    return alpha_beta(linear, op.kernel, value, carrier, signed, settings)


def _separable(op, value, carrier, signed, settings):
    def along(x, w):
        return ops.depthwise_conv(_padded(op, x), w, **_options(op))

    def across(x, w):
        return ops.conv(x, w, padding="valid", data_format=op.data_format)

    kernel = op.depthwise_kernel
    middle, _ = alpha_beta(along, kernel, value, carrier, signed, settings)
    value = along(ops.cast(value, "float32"), ops.cast(kernel, "float32"))
    return alpha_beta(across, op.pointwise_kernel, value, middle, True, settings, _channels(op))


_LINEAR: dict[Any, Callable[..., tuple[Any, Any]]] = {
    convolution.convolution: _convolution,
    convolution.transposed_convolution: _transposed,
    convolution.depthwise_convolution: _depthwise,
    convolution.separable_convolution: _separable,
    dense.dense: _dense,
}

_RULES: dict[Any, Rule] = {
    **dict.fromkeys(_LINEAR, _kernel_rule),
    elementwise.activation: identity,
    elementwise.passthrough: identity,
    elementwise.prelu: identity,
    elementwise.softmax: identity,
    merge.concatenate: moves,
    normalization.batch_normalization: identity,
    normalization.group_normalization: identity,
    normalization.normalization_over_channels: identity,
    normalization.rescaling: identity,
    shape.flatten: moves,
    shape.reshape_layer: moves,
    shape.reshape_operation: moves,
    shape.permute: moves,
    shape.transpose: moves,
    shape.expand_dims: moves,
    shape.squeeze: moves,
    slicing.get_item: moves,
    slicing.split: moves,
}
