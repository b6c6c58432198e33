"""Operations that move elements without changing them."""

from collections.abc import Callable

import numpy as np
from keras import layers

from ccm_tf.graph.flow import Channels, Effect, Flow
from ccm_tf.graph.handlers.common import first_input, same
from ccm_tf.graph.registry import register_handler
from ccm_tf.graph.trace import Call


def spread(shape: tuple[int | None, ...], channels: Channels) -> np.ndarray | None:
    """The label of every element of one sample, `None` if its shape is not static."""
    sizes = [size for size in shape[1:] if size is not None]
    if len(sizes) < len(shape) - 1:
        return None
    at = [1] * len(sizes)
    at[channels.axis - 1] = -1
    return np.broadcast_to(channels.labels.reshape(at), sizes)


def gather(elements: np.ndarray, width: int) -> Channels | None:
    """The inverse of `spread`: the axis along which labels differ, `None` if there are several."""
    candidates = []
    for axis in range(elements.ndim):
        others = tuple(slice(0, 1) if a != axis else slice(None) for a in range(elements.ndim))
        if np.array_equal(elements, np.broadcast_to(elements[others], elements.shape)):
            candidates.append(Channels(elements[others].ravel(), axis + 1))
    for channels in candidates:
        if len(channels.labels) == width:
            return channels
    return candidates[-1] if candidates else None


def _moved(call: Call, flow: Flow, move: Callable[[np.ndarray], np.ndarray]) -> Channels | None:
    """Channels after an operation on single samples; frozen where they cannot be followed."""
    tensor = first_input(call)
    channels = flow.of(tensor)
    if channels is None:
        return None
    elements = spread(tensor.shape, channels)
    moved = None if elements is None else gather(move(elements), len(channels.labels))
    if moved is None:
        flow.freeze(
            channels, f"'{call.name}' ({type(call.op).__name__}) takes the channel axis apart"
        )
    return moved


@register_handler(layers.Flatten)
def flatten(call: Call, flow: Flow) -> Effect:
    """Every position keeps the label of its channel."""
    if call.op.data_format == "channels_first":
        return same(_moved(call, flow, lambda e: np.moveaxis(e, 0, -1).ravel()))
    return same(_moved(call, flow, np.ravel))


def _reshaped(call: Call, flow: Flow, target: tuple) -> Channels | None:
    """Channels after a reshape. Where it takes them apart, they lie along its last axis.

    A reshape keeps the order of all elements. So if every row of the last axis loses the same
    places, what is left of the input is what is left of the output. That holds once the labels at
    the same place of every row are one: the groups of a channel shuffle stay equally wide, and a
    dense layer that makes an image loses a channel at all of its pixels.
    """
    tensor = first_input(call)
    channels = flow.of(tensor)
    elements = None if channels is None else spread(tensor.shape, channels)
    if channels is None or elements is None:
        return _moved(call, flow, lambda e: e.reshape(target))
    moved = elements.reshape(target)
    whole = gather(moved, len(channels.labels))
    if whole is not None:
        return whole
    axis = max(a for a, size in enumerate(moved.shape) if size > 1)
    rows = np.unique(np.moveaxis(moved, axis, -1).reshape(-1, moved.shape[axis]), axis=0)
    for row in rows[1:]:
        flow.labels.unite(rows[0], row)
    return Channels(rows[0], axis + 1)


@register_handler(layers.Reshape)
def reshape_layer(call: Call, flow: Flow) -> Effect:
    """Follows channels, unites those that end up at the same place, rewrites `target_shape`."""
    target = tuple(call.op.target_shape)
    channels = _reshaped(call, flow, target)
    return _with_target(channels, "target_shape", target, 0)


@register_handler("Reshape")
def reshape_operation(call: Call, flow: Flow) -> Effect:
    """Follows channels, unites those that end up at the same place, rewrites `newshape`."""
    target = tuple(call.op.newshape)
    samples = first_input(call).shape[0]
    if target[0] not in (-1, samples):
        flow.freeze_inputs(call, f"'{call.name}' (Reshape) changes the batch axis")
        return same(None)
    channels = _reshaped(call, flow, target[1:])
    return _with_target(channels, "newshape", target, 1)


def _with_target(channels: Channels | None, key: str, target: tuple, batch: int) -> Effect:
    if channels is None:
        return same(None)

    def slim_target(kept):
        sizes = list(target)
        sizes[channels.axis - 1 + batch] = int(np.count_nonzero(kept(channels.labels)))
        return tuple(sizes)

    return same(channels, config={key: slim_target})


@register_handler(layers.Permute)
def permute(call: Call, flow: Flow) -> Effect:
    """Moves the channel axis."""
    channels = flow.of(first_input(call))
    if channels is None:
        return same(None)
    return same(Channels(channels.labels, tuple(call.op.dims).index(channels.axis) + 1))


@register_handler("Transpose")
def transpose(call: Call, flow: Flow) -> Effect:
    """Moves the channel axis."""
    tensor = first_input(call)
    channels = flow.of(tensor)
    if channels is None:
        return same(None)
    rank = len(tensor.shape)
    axes = call.op.axes or tuple(reversed(range(rank)))
    return same(Channels(channels.labels, [a % rank for a in axes].index(channels.axis)))


@register_handler("ExpandDims")
def expand_dims(call: Call, flow: Flow) -> Effect:
    """Shifts the channel axis."""
    channels = flow.of(first_input(call))
    if channels is None or not isinstance(call.op.axis, int):
        flow.freeze_inputs(call, f"'{call.name}' adds several axes")
        return same(None)
    axis = call.op.axis % len(call.outputs[0].shape)
    return same(Channels(channels.labels, channels.axis + (axis <= channels.axis)))


@register_handler("Squeeze")
def squeeze(call: Call, flow: Flow) -> Effect:
    """Shifts the channel axis."""
    tensor = first_input(call)
    channels = flow.of(tensor)
    if channels is None:
        return same(None)
    rank, axes = len(tensor.shape), call.op.axis
    if axes is None:
        axes = [a for a, size in enumerate(tensor.shape) if size == 1]
    gone = {a % rank for a in ([axes] if isinstance(axes, int) else axes)}
    if channels.axis in gone:
        flow.freeze(channels, f"'{call.name}' (Squeeze) drops the channel axis")
        return same(None)
    return same(Channels(channels.labels, channels.axis - sum(a < channels.axis for a in gone)))


@register_handler(layers.RepeatVector)
def repeat_vector(call: Call, flow: Flow) -> Effect:
    """Repeats along a new axis before the channels."""
    channels = flow.of(first_input(call))
    return same(None if channels is None else Channels(channels.labels, channels.axis + 1))
