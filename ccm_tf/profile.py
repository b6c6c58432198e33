"""Parameters, multiply-accumulates and bytes of a model."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.flow import positions
from ccm_tf.graph.handlers.common import channel_axis, width_of
from ccm_tf.graph.labelled import bytes_per_value
from ccm_tf.graph.trace import Call


@dataclasses.dataclass(frozen=True)
class LayerProfile:
    """One row: a layer, or one further call of a shared layer (which adds no parameters)."""

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    params: int
    macs: int
    bytes: int
    flops: int = 0


@dataclasses.dataclass(frozen=True)
class Profile:
    """Size and cost of a model for one sample. Printing it shows a table.

    Attributes:
        layers: One `LayerProfile` per call.
        params: Number of weights.
        macs: Multiply-accumulates.
        bytes: Size of the weights.
        convention: Name of the counting rule.
        notes: What the figures leave out.
        flops: Operations as the counting rule has them; twice the MACs unless it says otherwise.
    """

    layers: tuple[LayerProfile, ...]
    params: int
    macs: int
    bytes: int
    convention: str
    notes: tuple[str, ...] = ()
    flops: int = 0

    def __str__(self) -> str:
        rows = [
            (r.name, r.kind, str(r.output_shape), f"{r.params:,}", f"{r.macs:,}", f"{r.bytes:,}")
            for r in self.layers
        ]
        head = ("layer", "kind", "output shape", "params", "MACs", "bytes")
        total = ("total", "", "", f"{self.params:,}", f"{self.macs:,}", f"{self.bytes:,}")
        widths = [max(map(len, column)) for column in zip(head, total, *rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if place < 3 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (head, *rows, total)
        ]
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], *self.notes])


def profile(model: keras.Model, convention: str = "keras") -> Profile:
    """Counts parameters, multiply-accumulates (MACs) and bytes, per layer and in total.

    Args:
        model: A built functional or sequential `keras.Model`.
        convention: The counting rule. `"keras"`: all weights as `model.count_params()` counts
            them, and the MACs of kernels. `"thop"`: the rule behind the published figures of
            CCM-loss: trainable weights; MACs of kernels, plus four per element of a
            batch-normalised tensor, plus one per element and channel of a global average pool.
            `"eigendamage"`: the rule behind the published figures of EigenDamage: weights without
            moving statistics, MACs of kernels, and as `flops` twice these plus biases, two per
            element of a batch-normalised tensor, one per element of a `ReLU` layer and the area of
            the window per output of a max-pooling layer; other layers cost nothing.

    Returns:
        A `Profile`.

    Raises:
        ValueError: If the convention is unknown or the model has no graph to read.

    Example:

    ```python
    print(ccm_tf.profile(model))
    share = ccm_tf.profile(slim).macs / ccm_tf.profile(model).macs
    ```
    """
    if convention not in _CONVENTIONS:
        raise ValueError(
            f"Unknown `convention`. Expected one of {sorted(_CONVENTIONS)}. "
            f"Received: convention={convention!r}."
        )
    rule = _CONVENTIONS[convention]
    graph = ChannelGraph(model)
    rows, seen = [], set()
    for call, effect in zip(graph.trace.calls, graph.effects, strict=True):
        weights = [] if call.name in seen else list(rule.weights(call.op))
        seen.add(call.name)
        macs = sum(term.count() for term in effect.macs) + rule.extra_macs(call)
        rows.append(
            LayerProfile(
                call.name,
                type(call.op).__name__,
                call.outputs[0].shape,
                sum(_size(w) for w in weights),
                round(macs),
                sum(_size(w) * bytes_per_value(w) for w in weights),
                round(2 * macs) + rule.extra_flops(call),
            )
        )
    return Profile(
        tuple(rows),
        sum(r.params for r in rows),
        sum(r.macs for r in rows),
        sum(r.bytes for r in rows),
        convention,
        _notes(graph),
        sum(r.flops for r in rows),
    )


@dataclasses.dataclass(frozen=True)
class _Convention:
    weights: Callable[[Any], list]
    extra_macs: Callable[[Call], int] = lambda call: 0
    extra_flops: Callable[[Call], int] = lambda call: 0


def _thop_extra(call: Call) -> int:
    if isinstance(call.op, layers.BatchNormalization):
        return 4 * positions(call.outputs[0].shape, 1)
    if isinstance(call.op, layers.GlobalAveragePooling2D):
        tensor = call.inputs[0]
        return positions(tensor.shape, 1) + width_of(tensor, channel_axis(call.op))
    return 0


def _eigendamage_extra(call: Call) -> int:
    """What comes on top of two operations per MAC."""
    op, elements = call.op, positions(call.outputs[0].shape, 1)
    if isinstance(op, layers.BatchNormalization):
        return 2 * elements
    if isinstance(op, layers.ReLU):
        return elements
    if isinstance(op, (layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D)):
        return elements * int(np.prod(op.pool_size))
    return elements if getattr(op, "bias", None) is not None else 0


def _without_moving(op: Any) -> list:
    """Weights that are trained, or could be; not the moving statistics of normalisation."""
    if isinstance(op, layers.BatchNormalization):
        return [w for w in (op.gamma, op.beta) if w is not None]
    return getattr(op, "weights", [])


_CONVENTIONS = {
    "eigendamage": _Convention(_without_moving, extra_flops=_eigendamage_extra),
    "keras": _Convention(lambda op: getattr(op, "weights", [])),
    "thop": _Convention(lambda op: getattr(op, "trainable_weights", []), _thop_extra),
}


def _size(variable: keras.Variable) -> int:
    return int(np.prod(variable.shape, dtype=np.int64))


def _notes(graph: ChannelGraph) -> tuple[str, ...]:
    notes = []
    if any(size is None for t in graph.trace.flat_inputs for size in t.shape[1:]):
        notes.append("Note: unknown sizes of the input count as 1 in the MACs.")
    unknown = [
        call.name
        for call, effect in zip(graph.trace.calls, graph.effects, strict=True)
        if not effect.macs
        and any(len(w.shape) > 1 for w in getattr(call.op, "weights", ()))
        and not effect.weights
    ]
    if unknown:
        notes.append(f"Note: no MACs are counted for: {', '.join(dict.fromkeys(unknown))}.")
    return tuple(notes)
