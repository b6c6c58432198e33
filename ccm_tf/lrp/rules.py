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
    elementwise,
    merge,
    normalization,
    shape,
    slicing,
)
from ccm_tf.graph.registry import handler_for
from ccm_tf.lrp.alpha_beta import LINEAR, channel_axis_of, live
from ccm_tf.lrp.folding import Turned
from ccm_tf.lrp.settings import Settings

# rule(call, values, carriers, outputs, signed, settings) -> carriers of the outputs.
Rule = Callable[[Call, list, list, list, bool, Settings], list]


def rule_for(call: Call) -> Rule:
    """The rule of a call; shares of the output for kinds that none is written for."""
    rule = _RULES.get(handler_for(call.op), shares)
    if rule is shares and type(call.op).__name__ in ("Multiply", "Divide", "TrueDivide"):
        return halves
    return rule


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


def linear_call(
    call: Call, values: list, carriers: list, signed: bool, settings: Settings, norm: Any = None
) -> tuple[list, list] | None:
    """Carriers and outputs of a layer with a kernel, from one pass; `None` for other calls.

    Args:
        call: The call.
        values: Its inputs.
        carriers: Their carriers.
        signed: Whether an input may be negative.
        settings: The rule.
        norm: A `BatchNormalization` to take as part of the kernel. Defaults to `None`.
    """
    rule = LINEAR.get(handler_for(call.op))
    if rule is None or settings.reference:
        return None
    op = call.op if norm is None else Turned(call.op, norm)
    carrier, output = rule(op, values[0], carriers[0], signed, settings)
    shape = [1] * len(output.shape)
    shape[channel_axis_of(op)] = -1
    if norm is not None:
        output = output * ops.reshape(op.signs, shape)
    if getattr(op, "bias", None) is not None:
        output = output + ops.reshape(ops.cast(op.bias, "float32"), shape)
    if op.activation is not None:
        output = op.activation(output)
    return [carrier], [ops.cast(ops.stop_gradient(output), call.op.compute_dtype)]


def _kernel_rule(call, values, carriers, outputs, signed, settings):
    rule = LINEAR[handler_for(call.op)]
    return [rule(call.op, values[0], carriers[0], signed, settings)[0]]


_RULES: dict[Any, Rule] = {
    **dict.fromkeys(LINEAR, _kernel_rule),
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
