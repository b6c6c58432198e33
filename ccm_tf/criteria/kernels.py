"""The weights that make each channel."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Made:
    """A variable whose slices make the channels of a layer.

    Attributes:
        layer: Name of the layer.
        variable: The `keras.Variable`.
        axis: The axis along which its slices belong to channels.
        channels: For each slice, which channel of the layer it belongs to. The gates of a
            recurrent layer are several slices of one channel.
        roots: Root of each of the layer's channels.
    """

    layer: str
    variable: Any
    axis: int
    channels: np.ndarray
    roots: np.ndarray

    @property
    def is_kernel(self) -> bool:
        """Whether it multiplies inputs, other than a bias."""
        return len(self.variable.shape) > 1 and self.variable.name != "bias"

    def rows(self, values: np.ndarray) -> np.ndarray:
        """An array like the variable as one row per channel, (channels, weights), float64."""
        values = np.moveaxis(np.asarray(values, np.float64), self.axis, 0)
        by_channel = np.argsort(self.channels, kind="stable")
        return values.reshape(len(values), -1)[by_channel].reshape(len(self.roots), -1)


def made_weights(graph: Any, group: Any) -> Iterator[list[Made]]:
    """For each layer that makes channels of a group, the variables that do it.

    Args:
        graph: A `ChannelGraph`.
        group: One of its groups.
    """
    names = {producer.name for producer in group.producers}
    for call, effect in zip(graph.trace.calls, graph.effects, strict=True):
        if call.name not in names or effect.produces is None:
            continue
        # A shared layer has one kernel, whatever the number of its calls.
        names.remove(call.name)
        labels = effect.produces
        by_label = np.argsort(labels)
        made = []
        for weight in graph.weights_of(call.position):
            axes = [
                axis
                for axis, along in enumerate(weight.axes)
                if along is not None and _covers(along, labels)
            ]
            if axes:
                # Inputs come before outputs: the units that a recurrent kernel reads, before
                # those that it makes.
                along = weight.axes[axes[-1]]
                channels = by_label[np.searchsorted(labels, along, sorter=by_label)]
                roots = graph.roots_of(labels)
                made.append(Made(call.name, weight.variable, axes[-1], channels, roots))
        yield made


def _covers(along: np.ndarray, labels: np.ndarray) -> bool:
    """Whether an axis holds each of these labels, equally often, and no other."""
    found, counts = np.unique(along, return_counts=True)
    return np.array_equal(found, np.unique(labels)) and len(np.unique(counts)) == 1


def channel_kernels(graph: Any, group: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The kernels of a group, layer by layer, as one row of weights per channel. No biases.

    Args:
        graph: A `ChannelGraph`.
        group: One of its groups.

    Yields:
        Per layer the roots of its channels, and a float64 array (channels, weights per channel).
    """
    for weights in made_weights(graph, group):
        kernels = [made for made in weights if made.is_kernel]
        if kernels:
            rows = [made.rows(keras.ops.convert_to_numpy(made.variable)) for made in kernels]
            yield kernels[0].roots, np.concatenate(rows, axis=1)
