"""Channels that are pruned together, and where they can be seen."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ccm_tf.graph.trace import Tensor


@dataclasses.dataclass(frozen=True)
class FeatureMap:
    """A tensor in which a group's channels can be observed.

    It is the tensor after normalisation, activation, residual addition and max-pooling: what the
    next kernel reads.

    Attributes:
        tensor: The tensor in the trace.
        layer: Name of the layer or operation that outputs it.
        roots: Root label of the channel at every position.
        axis: The channel axis.
        conv_read: Whether a convolution mixes these channels, here or further on in the stream.
    """

    tensor: Tensor
    layer: str
    roots: np.ndarray
    axis: int
    conv_read: bool


@dataclasses.dataclass(frozen=True)
class Weight:
    """A variable that channels index.

    Attributes:
        variable: The `keras.Variable`.
        axes: One entry per axis: the labels along it, or `None`.
        masked: What the slice of a removed channel holds in a masked model.
    """

    variable: Any
    axes: tuple[np.ndarray | None, ...]
    masked: float


@dataclasses.dataclass(frozen=True)
class Producer:
    """A layer that makes channels.

    Attributes:
        name: Name of the layer in the trace.
        layer: The Keras layer.
        roots: Root label of every output channel, in channel order.
        weights: Pairs of a variable and the axis along which its slices make the channels.
    """

    name: str
    layer: Any
    roots: np.ndarray
    weights: tuple[tuple[Any, int], ...]


@dataclasses.dataclass(frozen=True)
class Group:
    """Producers whose channels are tied to each other, and everything that reads them.

    Attributes:
        index: Place in `ChannelGraph.groups`.
        roots: Labels of the units that may be removed. Each stands for one channel of every
            producer that it occurs in.
        frozen: Labels of the units that must stay.
        reasons: Why they must.
        producers: The layers that make the channels.
        consumers: Names of the layers whose kernels read them.
        feature_maps: Where the channels can be observed.
    """

    index: int
    roots: np.ndarray
    frozen: np.ndarray
    reasons: tuple[str, ...]
    producers: tuple[Producer, ...]
    consumers: tuple[str, ...]
    feature_maps: tuple[FeatureMap, ...]

    @property
    def name(self) -> str:
        """Name of the first producer."""
        return self.producers[0].name

    def __str__(self) -> str:
        makers = _some([f"{p.name} ({len(p.roots)})" for p in self.producers])
        readers = _some(self.consumers) or "nobody"
        total = len(self.roots) + len(self.frozen)
        lines = [
            f"Group {self.index}: {len(self.roots)} of {total} channels are free",
            f"  made by {makers}",
            f"  read by {readers}",
        ]
        return "\n".join(lines + [f"  kept: {reason}" for reason in self.reasons])


def _some(names: Sequence[str], most: int = 6) -> str:
    if len(names) <= most:
        return ", ".join(names)
    return ", ".join(names[: most - 1]) + f" and {len(names) - most + 1} more"
