"""What becomes of one call of a Keras model: widths by labels, neighbours, and who knows."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import TypeVar

import keras
import numpy as np
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.flow import Kept
from ccm_tf.graph.registry import is_keras_operation
from ccm_tf.graph.trace import Call, Tensor
from ccm_tf.latency.operators import Operator, Pair

Width = np.ndarray | int


@dataclasses.dataclass(frozen=True)
class Work:
    """One operator of a model.

    Attributes:
        layer: Name of the layer that it comes from.
        operator: What it does.
        inputs: Labels of the channels that it reads, or a number.
        outputs: Labels of the channels that it makes, or a number.
    """

    layer: str
    operator: Operator
    inputs: Width
    outputs: Width

    def widths(self, kept: Kept | None = None) -> Pair:
        """How many channels it reads and makes if only some stay."""
        return _count(self.inputs, kept), _count(self.outputs, kept)


def _count(width: Width, kept: Kept | None) -> int:
    if isinstance(width, int):
        return width
    return len(width) if kept is None else int(np.count_nonzero(kept(width)))


class Reader:
    """What handlers look up: widths of tensors, and who stands before and behind.

    Args:
        graph: The model's channel graph.
    """

    def __init__(self, graph: ChannelGraph):
        self.graph = graph
        self.readers: dict[int, list[Call]] = {}
        for call in graph.trace.calls:
            for tensor in call.inputs:
                self.readers.setdefault(tensor.call, []).append(call)

    def width(self, tensor: Tensor) -> Width:
        """The labels along a tensor's last axis, or its size where channels are not followed."""
        channels = self.graph.channels_of(tensor)
        if channels is None or channels.axis != len(tensor.shape) - 1:
            return int(tensor.shape[-1] or 1)
        return channels.labels

    def before(self, call: Call) -> Call | None:
        """The call that made the input, past those that cost nothing."""
        position = call.inputs[0].call if call.inputs else -1
        while position >= 0:
            found = self.graph.trace.calls[position]
            if not is_free(found.op) or not found.inputs:
                return found
            position = found.inputs[0].call
        return None

    def behind(self, call: Call) -> list[Call]:
        """The calls that read what a call makes."""
        return self.readers.get(call.position, [])


# `None`: not even the handler knows.
Handler = Callable[[Reader, Call], Iterator[Work] | None]

_HANDLERS: dict[type | str, Handler] = {}


_Registered = TypeVar("_Registered", bound=Handler)


def register_work(*kinds: type | str) -> Callable[[_Registered], _Registered]:
    """Says of which operators the converter makes a kind of layer.

    Args:
        *kinds: Layer classes, or names of raw operations of Keras.
    """

    def decorator(handler: _Registered) -> _Registered:
        for kind in kinds:
            _HANDLERS[kind] = handler
        return handler

    return decorator


def handler_for(op: keras.Operation) -> Handler | None:
    """Who knows the operators of a layer or raw operation, if anybody does."""
    if isinstance(op, keras.Layer):
        return next((_HANDLERS[kind] for kind in type(op).__mro__ if kind in _HANDLERS), None)
    return _HANDLERS.get(type(op).__name__) if is_keras_operation(op) else None


_FREE_LAYERS = (
    layers.ActivityRegularization,
    layers.Dropout,
    layers.Flatten,
    layers.GaussianNoise,
    layers.Identity,
    layers.InputLayer,
    layers.Reshape,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
)
_FREE_OPERATIONS = {"Cast", "ExpandDims", "Reshape", "Squeeze", "StopGradient"}


def is_free(op: keras.Operation) -> bool:
    """Whether a layer or raw operation computes nothing."""
    if isinstance(op, keras.Layer):
        return isinstance(op, _FREE_LAYERS)
    return is_keras_operation(op) and type(op).__name__ in _FREE_OPERATIONS
