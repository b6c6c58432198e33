"""Channels that sit out a training step: nobody reads them, and nothing of them is lost."""

from typing import Any

import keras
import numpy as np

from ccm_tf.graph import ChannelGraph


class SittingOut:
    """Lets channels sit out and brings them back.

    Only the slices of kernels that read a channel are set to zero, so that the layers that make
    it, and the statistics of batch normalisation, go on as if nothing had happened.

    Args:
        graph: The model's `ChannelGraph`.
    """

    def __init__(self, graph: ChannelGraph):
        self._readers = list(reading_slices(graph))
        self._held: list[tuple[Any, np.ndarray, np.ndarray]] = []

    def begin(self, out: np.ndarray) -> None:
        """Sets what reads some channels to zero.

        Args:
            out: Boolean, over root labels: the channels that sit out.
        """
        for variable, axis, roots in self._readers:
            gone = out[roots]
            if gone.any():
                value = np.array(keras.ops.convert_to_numpy(variable))
                gone = _over(value, axis, gone)
                self._held.append((variable, gone, value))
                variable.assign(np.where(gone, np.zeros_like(value), value))

    def end(self) -> None:
        """Puts back what `begin` took, as it was; the rest stays as training left it."""
        for variable, gone, value in self._held:
            now = np.array(keras.ops.convert_to_numpy(variable))
            variable.assign(np.where(gone, value, now))
        self._held = []

    def scale(self, factors: np.ndarray) -> None:
        """Multiplies what reads each channel by a number.

        Args:
            factors: One for each root label.
        """
        for variable, axis, roots in self._readers:
            if np.any(factors[roots] != 1):
                value = np.array(keras.ops.convert_to_numpy(variable))
                variable.assign((value * _over(value, axis, factors[roots])).astype(value.dtype))


def reading_slices(graph: ChannelGraph):
    """The axes of kernels along which channels are read.

    Args:
        graph: A `ChannelGraph`.

    Yields:
        Triples of a variable, an axis, and the root label at each of its positions. Each variable
        and axis comes once.
    """
    done = set()
    for call, effect in zip(graph.trace.calls, graph.effects, strict=True):
        if effect.reads is None:
            continue
        for weight in graph.weights_of(call.position):
            for axis, labels in enumerate(weight.axes):
                key = (id(weight.variable), axis)
                if labels is None or len(weight.axes) == 1 or key in done:
                    continue
                if np.isin(labels, effect.reads).all():
                    done.add(key)
                    yield weight.variable, axis, graph.roots_of(labels)


def _over(value: np.ndarray, axis: int, numbers: np.ndarray) -> np.ndarray:
    shape = [1] * value.ndim
    shape[axis] = -1
    return numbers.reshape(shape)
