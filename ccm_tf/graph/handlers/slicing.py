"""Raw operations that cut channels out or pad them on."""

from typing import Any

import keras
import numpy as np

from ccm_tf.graph.flow import Channels, Effect, Flow
from ccm_tf.graph.handlers.common import first_input, same, unfollowed
from ccm_tf.graph.registry import register_handler
from ccm_tf.graph.trace import Call


@register_handler("GetItem")
def get_item(call: Call, flow: Flow) -> Effect:
    """`x[:, ::2, ::2, 4:12]`: labels are indexed as the channels are."""
    tensor = first_input(call)
    channels = flow.of(tensor)
    if channels is None:
        return same(None)
    key = _full_key(call.args[1], len(tensor.shape))
    place, axis = _place_of(key, channels.axis) if key is not None else (0, 0)
    entry = key[place] if key is not None else None
    if not isinstance(entry, slice):
        flow.freeze(channels, f"'{call.name}' (GetItem) takes single channels out")
        return same(None)
    if entry == slice(None):
        return same(Channels(channels.labels, axis))
    chosen = np.arange(len(channels.labels))[entry]

    def rebuild(op, args, kwargs, kept):
        stays = kept(channels.labels)
        places = (np.cumsum(stays) - 1)[chosen[stays[chosen]]]
        keys = [(*key[:place], run, *key[place + 1 :]) for run in _runs(places)]
        return _cut(op, args[0], keys, axis)

    return same(Channels(channels.labels[chosen], axis), rebuild=rebuild)


def _runs(places: np.ndarray) -> list[slice]:
    """Slices of even steps that together take some places in order."""
    runs, start = [], 0
    while start < len(places):
        stop = start + 1
        step = int(places[stop] - places[start]) if stop < len(places) else 1
        while stop < len(places) and places[stop] - places[stop - 1] == step:
            stop += 1
        last = int(places[stop - 1]) + (1 if step > 0 else -1)
        runs.append(slice(int(places[start]), last if last >= 0 else None, step))
        start = stop
    return runs


def _cut(op: Any, tensor: Any, keys: list[tuple], axis: int) -> Any:
    """One or several slices of a tensor, put end to end."""
    if len(keys) == 1:
        return op(tensor, keys[0])
    # Names derive from the operation's own, so that they are unique in any model.
    parts = [
        type(op).from_config({"name": f"{op.name}_part{number}"})(tensor, key)
        for number, key in enumerate(keys)
    ]
    return keras.layers.Concatenate(axis=axis, name=f"{op.name}_parts")(parts)


def _full_key(key: Any, rank: int) -> tuple | None:
    """The key with one entry per axis, `None` if it holds more than slices, ints, new axes."""
    key = tuple(key) if isinstance(key, (tuple, list)) else (key,)
    if not all(k is None or k is Ellipsis or isinstance(k, (slice, int)) for k in key):
        return None
    missing = rank - sum(k is not None and k is not Ellipsis for k in key)
    if Ellipsis in key:
        at = key.index(Ellipsis)
        return key[:at] + (slice(None),) * missing + key[at + 1 :]
    return key + (slice(None),) * missing


def _place_of(key: tuple, axis: int) -> tuple[int, int]:
    """Where in the key an input axis stands, and the output axis that it becomes."""
    source = target = 0
    for place, entry in enumerate(key):
        if entry is None:
            target += 1
            continue
        if source == axis:
            return place, target
        source += 1
        target += isinstance(entry, slice)
    raise ValueError(f"Key {key} has no entry for axis {axis}.")


@register_handler("Pad")
def pad(call: Call, flow: Flow) -> Effect:
    """`keras.ops.pad`: channels of zeros come on, each with a label of its own."""
    tensor = first_input(call)
    channels = flow.of(tensor)
    if channels is None:
        return same(None)
    widths = np.broadcast_to(np.asarray(call.op.pad_width), (len(tensor.shape), 2))
    before, after = (int(n) for n in widths[channels.axis])
    if not before and not after:
        return same(channels)
    constant = call.kwargs.get("constant_values", (*call.args[1:], None)[0])
    if call.op.mode != "constant" or (constant is not None and np.any(constant)):
        flow.freeze(channels, f"'{call.name}' (Pad) makes channels from other channels")
        return same(None)
    front, back = flow.labels.fresh(before), flow.labels.fresh(after)

    def slim_width(kept):
        slim = [[int(a), int(b)] for a, b in widths]
        slim[channels.axis] = [int(np.count_nonzero(kept(part))) for part in (front, back)]
        return slim

    labels = np.concatenate([front, channels.labels, back])
    return same(Channels(labels, channels.axis), config={"pad_width": slim_width})


@register_handler("Split")
def split(call: Call, flow: Flow) -> Effect:
    """`keras.ops.split`: each part has the labels of its channels."""
    tensor = first_input(call)
    channels = flow.of(tensor)
    if channels is None:
        return unfollowed(call)
    if call.op.axis % len(tensor.shape) != channels.axis:
        return Effect([channels] * len(call.outputs))
    sections = call.op.indices_or_sections
    where = np.split(np.arange(len(channels.labels)), sections)

    def slim_sections(kept):
        ends = np.cumsum([np.count_nonzero(kept(channels.labels[part])) for part in where])
        return [int(end) for end in ends[:-1]]

    return Effect(
        [Channels(channels.labels[where[t.index]], channels.axis) for t in call.outputs],
        config={"indices_or_sections": slim_sections},
    )
