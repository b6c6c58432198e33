"""Raw operations as layers of tf_keras, and operations of tf_keras as those of Keras 3."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from ccm_tf.graph.calls import Call
from ccm_tf.tfmot.activations import split_off


def _merge(kind: str) -> Callable:
    def convert(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
        given = (*args, *kwargs.values())
        shapes = {tuple(value.shape) for value in given if hasattr(value, "shape")}
        if len(call.inputs) == len(given) == 2 and len(shapes) == 1:
            return getattr(tf_keras.layers, kind)(name=call.name)(list(given))
        # A constant or a broadcast: what the operators of tf_keras's own tensors make of it.
        return _OPERATORS[kind](*given)

    return convert


_OPERATORS: dict[str, Callable] = {
    "Add": lambda a, b: a + b,
    "Subtract": lambda a, b: a - b,
    "Multiply": lambda a, b: a * b,
}


def _activation(name: str) -> Callable:
    def convert(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
        return tf_keras.layers.Activation(name, name=call.name)(args[0])

    return convert


def _built(name: str) -> Callable:
    def convert(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
        _, build = split_off({"activation": name}, tf_keras)
        return build(args[0], call.name) if build is not None else None

    return convert


def _relu6(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
    return tf_keras.layers.ReLU(6.0, name=call.name)(args[0])


def _concatenate(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
    return tf_keras.layers.Concatenate(call.op.axis, name=call.name)(args[0])


def _reshape(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
    return tf_keras.layers.Reshape(tuple(call.op.newshape)[1:], name=call.name)(args[0])


def _mean(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
    op, rank = call.op, len(call.inputs[0].shape)
    axes = {axis % rank for axis in ([op.axis] if isinstance(op.axis, int) else op.axis or ())}
    kind = {3: "GlobalAveragePooling1D", 4: "GlobalAveragePooling2D"}.get(rank)
    if kind is None or axes != set(range(1, rank - 1)):
        raise ValueError(f"'{call.name}' is a mean over the axes {sorted(axes)}, not over pixels.")
    return getattr(tf_keras.layers, kind)(keepdims=op.keepdims, name=call.name)(args[0])


def _pad(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
    import tensorflow as tf

    op = call.op
    rank = len(call.inputs[0].shape)
    widths = np.broadcast_to(np.asarray(op.pad_width), (rank, 2)).tolist()
    if op.mode != "constant":
        raise ValueError(f"'{call.name}' pads with mode={op.mode!r}; only 'constant' converts.")
    if rank == 4 and not any(widths[0] + widths[3]):
        layer = tf_keras.layers.ZeroPadding2D(tuple(map(tuple, widths[1:3])), name=call.name)
        return layer(args[0])
    return tf.pad(args[0], widths)


def _same_elements(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
    """Squeeze and expand: a reshape to what comes out."""
    shape = call.outputs[0].shape[1:]
    if any(size is None for size in shape):
        raise ValueError(f"'{call.name}' has outputs of unknown size {shape}.")
    return tf_keras.layers.Reshape(shape, name=call.name)(args[0])


def _split(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
    axis = call.op.axis % len(call.inputs[0].shape)
    positions = np.arange(call.inputs[0].shape[axis])
    parts = []
    for part in np.split(positions, call.op.indices_or_sections):
        key: list[Any] = [slice(None)] * len(call.inputs[0].shape)
        key[axis] = slice(int(part[0]), int(part[-1]) + 1)
        parts.append(args[0][tuple(key)])
    return parts


def _gelu(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
    import tensorflow as tf

    return tf.nn.gelu(args[0], approximate=call.op.approximate)


def _get_item(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
    return args[0][args[1]]


LAYER_FOR: dict[str, Callable] = {
    "Add": _merge("Add"),
    "Subtract": _merge("Subtract"),
    "Multiply": _merge("Multiply"),
    "Concatenate": _concatenate,
    "Relu": _activation("relu"),
    "Relu6": _relu6,
    "Sigmoid": _activation("sigmoid"),
    "Silu": _activation("swish"),
    "Softmax": _activation("softmax"),
    "Tanh": _activation("tanh"),
    "ExpandDims": _same_elements,
    "Gelu": _gelu,
    "HardSigmoid": _built("hard_sigmoid"),
    "HardSilu": _built("hard_silu"),
    "Reshape": _reshape,
    "Split": _split,
    "Squeeze": _same_elements,
    "Mean": _mean,
    "Pad": _pad,
    "GetItem": _get_item,
}

# What tf_keras calls the function behind a `TFOpLambda` layer.
OPERATION_FOR: dict[str, Callable] = {
    "__operators__.add": keras.ops.add,
    "math.add": keras.ops.add,
    "math.subtract": keras.ops.subtract,
    "math.multiply": keras.ops.multiply,
    "nn.relu": keras.ops.relu,
    "nn.relu6": keras.ops.relu6,
    "nn.sigmoid": keras.ops.sigmoid,
    "math.sigmoid": keras.ops.sigmoid,
    "nn.silu": keras.ops.silu,
    "nn.gelu": lambda features, approximate=False: keras.ops.gelu(features, approximate),
    "nn.softmax": keras.ops.softmax,
    "math.tanh": keras.ops.tanh,
    "reshape": lambda tensor, shape: keras.ops.reshape(tensor, shape),
    "compat.v1.pad": lambda tensor, paddings, **_: keras.ops.pad(tensor, paddings),
    "concat": lambda values, axis: keras.ops.concatenate(values, axis),
    "math.reduce_mean": lambda input_tensor, axis=None, keepdims=False: keras.ops.mean(
        input_tensor, axis, keepdims
    ),
}
