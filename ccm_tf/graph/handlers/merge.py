"""Operations on several tensors: element-wise merges and concatenation."""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from ccm_tf.graph.flow import Channels, Effect, Flow
from ccm_tf.graph.handlers.common import same, unfollowed, width_of
from ccm_tf.graph.registry import register_frozen, register_handler
from ccm_tf.graph.trace import Call, Tensor

_OPERATORS = (
    "Add",
    "Subtract",
    "Multiply",
    "Divide",
    "TrueDivide",
    "Maximum",
    "Minimum",
    "Power",
)


@register_handler(
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    layers.Average,
    layers.Maximum,
    layers.Minimum,
    *_OPERATORS,
)
def elementwise_merge(call: Call, flow: Flow) -> Effect:
    """Unites what is added channel by channel; a single channel is spread, never removed."""
    rank = len(call.outputs[0].shape)
    followed = {t: channels for t in call.inputs if (channels := flow.of(t)) is not None}
    labelled = [(t, followed[t]) for t in call.inputs if t in followed]
    if not labelled:
        return unfollowed(call)
    axes = {channels.axis + rank - len(tensor.shape) for tensor, channels in labelled}
    width = call.outputs[0].shape[min(axes)]
    if len(axes) > 1:
        flow.freeze_inputs(call, f"'{call.name}' merges tensors whose channels lie on other axes")
        return unfollowed(call)
    (axis,) = axes
    merged: np.ndarray | None = None
    for _, channels in labelled:
        if len(channels.labels) != width:
            flow.freeze(channels, f"'{call.name}' spreads this single channel over {width}")
        elif merged is None:
            merged = channels.labels
        else:
            flow.labels.unite(merged, channels.labels)
    if merged is None:
        return unfollowed(call)
    for shape in (t.shape for t in call.inputs if t not in followed):
        at = axis - (rank - len(shape))
        if at >= 0 and shape[at] != 1:
            flow.labels.freeze(
                merged, f"'{call.name}' merges them with a tensor whose channels must stay"
            )
    channels = Channels(merged, axis)
    return same(channels, rebuild=_with_constants(call, channels, rank))


def _with_constants(call: Call, channels: Channels, rank: int) -> Callable | None:
    """A rebuild that cuts constants with a value per channel, `None` if there are none."""
    constants = [
        value
        for value in keras.tree.flatten((call.args, call.kwargs))
        if not isinstance(value, Tensor) and len(getattr(value, "shape", ()))
    ]
    if not constants:
        return None

    def cut(value, kept):
        if isinstance(value, keras.KerasTensor) or not len(getattr(value, "shape", ())):
            return value
        at = channels.axis - (rank - len(value.shape))
        if at < 0 or value.shape[at] == 1:
            return value
        return np.compress(kept(channels.labels), keras.ops.convert_to_numpy(value), axis=at)

    def rebuild(op, args, kwargs, kept):
        return op(*(cut(a, kept) for a in args), **{k: cut(v, kept) for k, v in kwargs.items()})

    return rebuild


@register_handler(layers.Concatenate, "Concatenate")
def concatenate(call: Call, flow: Flow) -> Effect:
    """Puts label arrays end to end, as the data is."""
    rank = len(call.outputs[0].shape)
    along = call.op.axis % rank
    inputs = call.inputs
    channels = [flow.of(t) for t in inputs]
    if all(c is None for c in channels):
        return unfollowed(call)
    axes = {c.axis for c in channels if c is not None}
    if len(axes) > 1:
        flow.freeze_inputs(call, f"'{call.name}' joins tensors whose channels lie on other axes")
        return unfollowed(call)
    (axis,) = axes
    reason = f"'{call.name}' joins them with channels that must stay"
    if axis == along:
        parts = [
            flow.fixed(width_of(t, axis), reason) if c is None else c.labels
            for t, c in zip(inputs, channels, strict=True)
        ]
        return same(Channels(np.concatenate(parts), axis))
    # Joined along another axis: the same channel in every part.
    labels = next(c.labels for c in channels if c is not None)
    for c in channels:
        if c is None:
            flow.labels.freeze(labels, reason)
        else:
            flow.labels.unite(labels, c.labels)
    return same(Channels(labels, axis))


register_frozen("multiplies channels with each other", layers.Dot, "Matmul", "Dot", "Einsum")
