"""What a layer handler is given and what it gives back."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ccm_tf.graph.labels import Labels
from ccm_tf.graph.trace import Call, Tensor

# `kept(labels)` is a boolean array: which of these positions stay.
Kept = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Channels:
    """The labels of a tensor's channels and the axis along which they lie."""

    labels: np.ndarray
    axis: int


@dataclasses.dataclass(frozen=True)
class Macs:
    """Multiply-accumulates of one call: `scale` times the number of kept channels of each factor.

    Attributes:
        scale: Everything that pruning does not change (kernel area, output positions, ...).
        factors: Label arrays (their kept count multiplies) or plain numbers.
    """

    scale: float
    factors: tuple[np.ndarray | int, ...] = ()

    def count(self, kept: Kept | None = None) -> float:
        total = self.scale
        for factor in self.factors:
            if isinstance(factor, (int, np.integer)):
                total *= int(factor)
            else:
                total *= len(factor) if kept is None else int(np.count_nonzero(kept(factor)))
        return total


@dataclasses.dataclass
class Effect:
    """What one call does to channels: everything that planning and rewriting need to know.

    Attributes:
        outputs: `Channels` of each output, or `None` where channels are not followed.
        weights: Attribute path of a variable (`"kernel"`, `"cell.bias"`) to one entry per axis:
            the labels along it, or `None` for an axis that pruning leaves alone. Variables of
            layers within the layer that have no public attribute are named by the end of their
            own path, with a slash (`"query/kernel"`).
        config: Key of the operation's config to the labels whose kept count is its new value, or
            to a function of `kept` that returns the new value.
        rebuild: `rebuild(op, args, kwargs, kept)` calls the new operation in the slim graph, for
            operations whose call arguments change. Defaults to `op(*args, **kwargs)`.
        macs: Terms to add up.
        reads: Labels of inputs that a kernel mixes: this call is their consumer.
        produces: Labels of outputs that this call makes anew: this call is their producer.
        masked: Value that a removed slice takes in a masked model, by variable, if not zero.
    """

    outputs: list[Channels | None]
    weights: dict[str, tuple[np.ndarray | None, ...]] = dataclasses.field(default_factory=dict)
    config: dict[str, np.ndarray | Callable[[Kept], Any]] = dataclasses.field(default_factory=dict)
    rebuild: Callable[[Any, tuple, dict, Kept], Any] | None = None
    macs: tuple[Macs, ...] = ()
    reads: np.ndarray | None = None
    produces: np.ndarray | None = None
    masked: dict[str, float] = dataclasses.field(default_factory=dict)


class Flow:
    """Labels of every tensor while the graph is read from its inputs to its outputs.

    Args:
        exact: Whether channels stay whose removal would change the function of the others.
    """

    def __init__(self, exact: bool = True):
        self.exact = exact
        self.labels = Labels()
        self._channels: dict[Tensor, Channels | None] = {}
        self._produced: dict[str, np.ndarray] = {}

    def set(self, tensor: Tensor, channels: Channels | None) -> None:
        self._channels[tensor] = channels

    def of(self, tensor: Tensor) -> Channels | None:
        """Channels of a tensor, `None` if nothing in it can be removed."""
        return self._channels.get(tensor)

    def along(self, tensor: Tensor, axis: int, call: Call) -> np.ndarray | None:
        """Labels of `tensor` if they lie along `axis`; otherwise freezes them."""
        channels = self.of(tensor)
        if channels is None:
            return None
        if channels.axis != axis % len(tensor.shape):
            self.freeze(
                channels,
                f"'{call.name}' ({type(call.op).__name__}) works along another axis than its "
                "input's channels",
            )
            return None
        return channels.labels

    def produce(self, call: Call, count: int) -> np.ndarray:
        """Labels for the channels that a call makes: the same at each call of a shared layer."""
        if call.name not in self._produced:
            self._produced[call.name] = self.labels.fresh(count)
        return self._produced[call.name]

    def fixed(self, count: int, reason: str) -> np.ndarray:
        """Labels for channels that must stay."""
        labels = self.labels.fresh(count)
        self.labels.freeze(labels, reason)
        return labels

    def freeze(self, channels: Channels | None, reason: str) -> None:
        if channels is not None:
            self.labels.freeze(channels.labels, reason)

    def freeze_if_exact(self, channels: Channels | None, reason: str) -> None:
        """Freezes channels that can go only at the price of changing those that stay."""
        if self.exact:
            self.freeze(channels, reason)

    def freeze_inputs(self, call: Call, reason: str) -> None:
        for tensor in call.inputs:
            self.freeze(self.of(tensor), reason)

    def unite_groups(self, labels: np.ndarray, groups: int) -> None:
        """Makes the j-th channel of every group one unit, so that groups stay equally wide."""
        first, *others = np.split(labels, groups)
        for other in others:
            self.labels.unite(first, other)


def positions(shape: Sequence[int | None], start: int, stop: int | None = None) -> int:
    """Product of the known sizes of some axes; unknown sizes count once."""
    return int(np.prod([size or 1 for size in shape[start:stop]], dtype=np.int64))
