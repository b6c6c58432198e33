"""Which tensors of a model are never negative, whatever goes in."""

from typing import Any

import keras
from keras import layers

from ccm_tf.graph.calls import Call, Tensor
from ccm_tf.graph.trace import Trace

_FUNCTIONS = ("relu", "relu6", "sigmoid", "hard_sigmoid", "softplus", "softmax", "exponential")
_MAKE = ("Relu", "Relu6", "Sigmoid", "HardSigmoid", "Softplus", "Softmax", "Exp", "Square")
# Non-negative if everything that goes in is.
_KEEP_LAYERS = (
    layers.Add,
    layers.Average,
    layers.Concatenate,
    layers.Dropout,
    layers.Flatten,
    layers.Identity,
    layers.Maximum,
    layers.Minimum,
    layers.Multiply,
    layers.Permute,
    layers.Reshape,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
)
_KEEP_NAMES = (
    "Add AveragePooling1D AveragePooling2D AveragePooling3D Cast Concatenate Cropping1D Cropping2D "
    "Cropping3D ExpandDims GetItem GlobalAveragePooling1D GlobalAveragePooling2D "
    "GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D Max "
    "MaxPooling1D MaxPooling2D MaxPooling3D Maximum Mean Minimum Multiply Pad Reshape Split "
    "Squeeze Sum Transpose UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D "
    "ZeroPadding3D"
).split()


def never_negative(trace: Trace) -> set[Tensor]:
    """The tensors of a trace that are known to be >= 0; a tensor left out may be so too."""
    found: set[Tensor] = set()
    for call in trace.calls:
        keeps = isinstance(call.op, _KEEP_LAYERS) or type(call.op).__name__ in _KEEP_NAMES
        if _makes(call) or (keeps and call.inputs and all(t in found for t in call.inputs)):
            found.update(call.outputs)
    return found


def _makes(call: Call) -> bool:
    op: Any = call.op
    if isinstance(op, layers.ReLU):
        return float(op.negative_slope or 0) == 0
    if isinstance(op, layers.Softmax):
        return True
    function = getattr(op, "activation", None)
    if any(function is getattr(keras.activations, name) for name in _FUNCTIONS):
        return True
    return not isinstance(op, keras.Layer) and type(op).__name__ in _MAKE
