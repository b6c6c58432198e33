"""What a layer feeds to its activation, with a hook on it."""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

from ccm_tf.graph.handlers.common import channel_axis
from ccm_tf.kfe.blocks import axes_of


def pre_activation(op: Any, features: Any, tap: Callable[[Any], Any]) -> Any:
    """What a layer returns, with a hook on what it feeds to its activation.

    Args:
        op: A convolution or dense layer.
        features: Its input.
        tap: Function of the pre-activation that returns what takes its place.
    """
    if _without_activation(op):
        return tap(op(features))
    features = ops.cast(features, op.compute_dtype)
    kernel = ops.cast(op.kernel, op.compute_dtype)
    if isinstance(op, layers.Dense):
        values, axis = ops.matmul(features, kernel), -1
    else:
        axis = channel_axis(op)
        values = _convolved(op, features, kernel, axis)
    if op.bias is not None:
        shape = [1] * len(values.shape)
        shape[axis] = -1
        values = values + ops.reshape(ops.cast(op.bias, op.compute_dtype), shape)
    return op.activation(tap(values))


def _convolved(op: Any, features: Any, kernel: Any, axis: int) -> Any:
    padding = op.padding
    if padding == "causal":
        pads = [(0, 0)] * len(features.shape)
        pads[2 if axis == 1 else 1] = (axes_of(op)[0].reach - 1, 0)
        features, padding = ops.pad(features, pads), "valid"
    return ops.conv(features, kernel, list(op.strides), padding, op.data_format, op.dilation_rate)


def _without_activation(op: Any) -> bool:
    return op.activation is None or op.activation is keras.activations.linear
