"""Putting the calls of nested models in the place of the call of the model."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras

from ccm_tf.graph.calls import Call, Tensor, filled, key_of, tensors_in


def inlined(
    calls: tuple[Call, ...], outputs: Any, read: Callable[[keras.Operation], Any]
) -> tuple[tuple[Call, ...], Any]:
    """Flattens a list of calls.

    Args:
        calls: Calls in topological order.
        outputs: Nested structure of the tensors that leave the model.
        read: Returns the trace of an operation that is a model, `None` for any other.

    Returns:
        The calls without nested models, and the outputs in their terms.
    """
    traces = {id(call.op): read(call.op) for call in calls}
    if not any(traces.values()):
        return calls, outputs
    flat: list[Call] = []
    renamed: dict[tuple[int, int], Tensor] = {}
    names = _Names(call.name for call in calls if traces[id(call.op)] is None)

    def append(call: Call, name: str, table: dict[tuple[int, int], Tensor]) -> None:
        position = len(flat)
        made = tuple(dataclasses.replace(t, call=position) for t in call.outputs)
        args, kwargs = filled(call.args, table), filled(call.kwargs, table)
        flat.append(Call(position, name, call.op, args, kwargs, made))
        for before, after in zip(call.outputs, made, strict=True):
            table[key_of(before)] = after

    for call in calls:
        for tensor in call.inputs:
            renamed.setdefault(key_of(tensor), tensor)
        trace = traces[id(call.op)]
        if trace is None:
            append(call, call.name, renamed)
            continue
        given = tensors_in(filled((call.args, call.kwargs), renamed))
        table = dict(zip(map(key_of, trace.flat_inputs), given, strict=False))
        for inner in trace.calls:
            append(inner, names.of(inner.op, inner.name, call.name), table)
        ends = [table[key_of(t)] for t in trace.flat_outputs]
        for tensor in call.outputs:
            renamed[key_of(tensor)] = ends[tensor.index]
    for tensor in tensors_in(outputs):
        renamed.setdefault(key_of(tensor), tensor)
    return tuple(flat), filled(outputs, renamed)


class _Names:
    """Unique names: an operation's own, or one behind the name of its model."""

    def __init__(self, taken):
        self._taken = set(taken)
        self._given: dict[int, str] = {}

    def of(self, op: keras.Operation, name: str, model: str) -> str:
        if id(op) not in self._given:
            candidate, number = name, 1
            while candidate in self._taken:
                candidate = f"{model}_{name}" if number == 1 else f"{model}_{name}_{number}"
                number += 1
            self._taken.add(candidate)
            self._given[id(op)] = candidate
        return self._given[id(op)]
