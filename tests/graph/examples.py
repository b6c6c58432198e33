"""One or more uses of every layer class and raw operation that the registry handles.

An entry is a function of a tensor (B, 8, 8, 6), or of the rank that its name asks for, whose
channels are all free. The tests run every entry of the registry through these examples and fail
when an entry has none.
"""

import re

import numpy as np
from keras import layers, ops

from tests import zoo


def _elementwise(cls, **kwargs):
    return [lambda x: cls(**kwargs)(x)]


LAYERS = {
    layers.Activation: [lambda x: layers.Activation("tanh")(x)],
    layers.ActivityRegularization: _elementwise(layers.ActivityRegularization, l2=0.1),
    layers.Add: [lambda x: layers.Add()([x, layers.Conv2D(6, 1)(x)])],
    layers.AdaptiveAveragePooling1D: [lambda x: layers.AdaptiveAveragePooling1D(2)(x)],
    layers.AdaptiveAveragePooling2D: [lambda x: layers.AdaptiveAveragePooling2D(2)(x)],
    layers.AdaptiveAveragePooling3D: [lambda x: layers.AdaptiveAveragePooling3D(2)(x)],
    layers.AdaptiveMaxPooling1D: [lambda x: layers.AdaptiveMaxPooling1D(2)(x)],
    layers.AdaptiveMaxPooling2D: [lambda x: layers.AdaptiveMaxPooling2D(2)(x)],
    layers.AdaptiveMaxPooling3D: [lambda x: layers.AdaptiveMaxPooling3D(2)(x)],
    layers.AlphaDropout: _elementwise(layers.AlphaDropout, rate=0.1),
    layers.Average: [lambda x: layers.Average()([x, layers.Conv2D(6, 1)(x), x])],
    layers.AveragePooling1D: [lambda x: layers.AveragePooling1D(2)(x)],
    layers.AveragePooling2D: [lambda x: layers.AveragePooling2D(2)(x)],
    layers.AveragePooling3D: [lambda x: layers.AveragePooling3D(2)(x)],
    layers.BatchNormalization: [
        lambda x: layers.BatchNormalization()(x),
        lambda x: layers.BatchNormalization(scale=False, center=False)(x),
    ],
    layers.Bidirectional: [
        lambda x: layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x),
        lambda x: layers.Bidirectional(layers.GRU(4), merge_mode="sum")(x),
        lambda x: layers.Bidirectional(
            layers.SimpleRNN(4), backward_layer=layers.SimpleRNN(4, go_backwards=True)
        )(x),
    ],
    layers.CenterCrop: [lambda x: layers.CenterCrop(4, 6)(x)],
    layers.Concatenate: [
        lambda x: layers.Concatenate()([x, layers.Conv2D(3, 1)(x), x]),
        lambda x: layers.Concatenate(axis=1)([x, layers.Conv2D(6, 1)(x)]),
    ],
    layers.Conv1D: [lambda x: layers.Conv1D(5, 3, dilation_rate=2, padding="causal")(x)],
    layers.Conv1DTranspose: [lambda x: layers.Conv1DTranspose(5, 3, strides=2)(x)],
    layers.Conv2D: [
        lambda x: layers.Conv2D(5, (3, 1), strides=2, use_bias=False)(x),
        lambda x: layers.Conv2D(8, 3, groups=2, activation="elu")(x),
        lambda x: layers.Conv2D(12, 3, groups=6)(x),
    ],
    layers.Conv2DTranspose: [lambda x: layers.Conv2DTranspose(5, 3, strides=2)(x)],
    layers.Conv3D: [lambda x: layers.Conv3D(5, 3, padding="same")(x)],
    layers.Conv3DTranspose: [lambda x: layers.Conv3DTranspose(5, 2)(x)],
    layers.ConvLSTM1D: [lambda x: layers.ConvLSTM1D(4, 3, return_sequences=True)(x)],
    layers.ConvLSTM2D: [lambda x: layers.ConvLSTM2D(4, 3, padding="same")(x)],
    layers.ConvLSTM3D: [lambda x: layers.ConvLSTM3D(2, 3)(layers.Reshape((2, 4, 8, 8, 6))(x))],
    layers.Cropping1D: [lambda x: layers.Cropping1D(1)(x)],
    layers.Cropping2D: [lambda x: layers.Cropping2D(1)(x)],
    layers.Cropping3D: [lambda x: layers.Cropping3D(1)(x)],
    layers.Dense: [
        lambda x: layers.Dense(5, activation="gelu")(x),
        lambda x: layers.Dense(5)(layers.Flatten()(x)),
    ],
    layers.DepthwiseConv1D: [lambda x: layers.DepthwiseConv1D(3, depth_multiplier=2)(x)],
    layers.DepthwiseConv2D: [
        lambda x: layers.DepthwiseConv2D(3, use_bias=False)(x),
        lambda x: layers.DepthwiseConv2D(3, depth_multiplier=3)(x),
    ],
    layers.Dropout: _elementwise(layers.Dropout, rate=0.1),
    layers.ELU: _elementwise(layers.ELU),
    layers.Flatten: [
        lambda x: layers.Flatten()(x),
        lambda x: layers.Flatten()(layers.Permute((3, 1, 2))(x)),
    ],
    layers.GRU: [
        lambda x: layers.GRU(4, return_sequences=True)(x),
        lambda x: layers.GRU(4, reset_after=False, use_bias=False)(x),
    ],
    layers.GaussianDropout: _elementwise(layers.GaussianDropout, rate=0.1),
    layers.GaussianNoise: _elementwise(layers.GaussianNoise, stddev=0.1),
    layers.GlobalAveragePooling1D: [lambda x: layers.GlobalAveragePooling1D()(x)],
    layers.GlobalAveragePooling2D: [
        lambda x: layers.GlobalAveragePooling2D()(x),
        lambda x: layers.GlobalAveragePooling2D(keepdims=True)(x),
    ],
    layers.GlobalAveragePooling3D: [lambda x: layers.GlobalAveragePooling3D()(x)],
    layers.GlobalMaxPooling1D: [lambda x: layers.GlobalMaxPooling1D()(x)],
    layers.GlobalMaxPooling2D: [lambda x: layers.GlobalMaxPooling2D()(x)],
    layers.GlobalMaxPooling3D: [lambda x: layers.GlobalMaxPooling3D()(x)],
    layers.GroupNormalization: [lambda x: layers.GroupNormalization(-1)(x)],
    layers.Identity: _elementwise(layers.Identity),
    layers.LSTM: [
        lambda x: layers.LSTM(4)(layers.LSTM(5, return_sequences=True)(x)),
        lambda x: layers.Add()(layers.LSTM(4, return_state=True)(x)[:2]),
        lambda x: layers.LSTM(4)(x, initial_state=layers.LSTM(4, return_state=True)(x)[1:]),
    ],
    layers.LeakyReLU: _elementwise(layers.LeakyReLU),
    layers.MaxPooling1D: [lambda x: layers.MaxPooling1D(2)(x)],
    layers.MaxPooling2D: [lambda x: layers.MaxPooling2D(2)(x)],
    layers.MaxPooling3D: [lambda x: layers.MaxPooling3D(2)(x)],
    layers.Maximum: [lambda x: layers.Maximum()([x, layers.Conv2D(6, 1)(x)])],
    layers.Minimum: [lambda x: layers.Minimum()([x, layers.Conv2D(1, 1)(x)])],
    layers.Multiply: [
        lambda x: layers.Multiply()(
            [x, layers.Conv2D(6, 1)(layers.GlobalAveragePooling2D(keepdims=True)(x))]
        )
    ],
    layers.PReLU: [
        lambda x: layers.PReLU()(x),
        lambda x: layers.PReLU(shared_axes=[1, 2])(x),
        lambda x: layers.PReLU(shared_axes=[1, 2, 3])(x),
    ],
    layers.Permute: [lambda x: layers.Permute((2, 1, 3))(x)],
    layers.ReLU: _elementwise(layers.ReLU, max_value=6.0),
    layers.RepeatVector: [lambda x: layers.RepeatVector(3)(layers.Flatten()(x))],
    layers.Rescaling: _elementwise(layers.Rescaling, scale=0.5, offset=-1.0),
    layers.Reshape: [
        lambda x: layers.Reshape((64, 6))(x),
        lambda x: layers.Reshape((-1, 4, 6))(x),
        lambda x: layers.Reshape((1, 1, 6))(layers.GlobalAveragePooling2D()(x)),
        lambda x: layers.Reshape((8, 8, 2, 3))(x),
        lambda x: layers.Reshape((8, 8, 6))(
            layers.Permute((1, 2, 4, 3))(layers.Reshape((8, 8, 3, 2))(x))
        ),
        lambda x: layers.Reshape((4, -1, 3))(layers.Dense(24)(layers.Flatten()(x))),
    ],
    layers.Resizing: [lambda x: layers.Resizing(4, 4)(x)],
    layers.SeparableConv1D: [lambda x: layers.SeparableConv1D(5, 3)(x)],
    layers.SeparableConv2D: [
        lambda x: layers.SeparableConv2D(5, 3, depth_multiplier=2, activation="relu")(x)
    ],
    layers.SimpleRNN: [lambda x: layers.SimpleRNN(4, activation="sigmoid")(x)],
    layers.Softmax: [lambda x: layers.Softmax(axis=1)(x)],
    layers.SpatialDropout1D: [lambda x: layers.SpatialDropout1D(0.1)(x)],
    layers.SpatialDropout2D: [lambda x: layers.SpatialDropout2D(0.1)(x)],
    layers.SpatialDropout3D: [lambda x: layers.SpatialDropout3D(0.1)(x)],
    layers.Subtract: [lambda x: layers.Subtract()([x, layers.Conv2D(6, 1)(x)])],
    layers.TimeDistributed: [
        lambda x: layers.TimeDistributed(layers.Dense(5, activation="relu"))(x),
        lambda x: layers.TimeDistributed(layers.Conv1D(5, 3))(x),
        lambda x: layers.TimeDistributed(layers.BatchNormalization())(x),
        lambda x: layers.TimeDistributed(layers.Flatten())(x),
    ],
    layers.UpSampling1D: [lambda x: layers.UpSampling1D(2)(x)],
    layers.UpSampling2D: [lambda x: layers.UpSampling2D(2, interpolation="bilinear")(x)],
    layers.UpSampling3D: [lambda x: layers.UpSampling3D(2)(x)],
    layers.ZeroPadding1D: [lambda x: layers.ZeroPadding1D(1)(x)],
    layers.ZeroPadding2D: [lambda x: layers.ZeroPadding2D(((1, 0), (0, 1)))(x)],
    layers.ZeroPadding3D: [lambda x: layers.ZeroPadding3D(1)(x)],
}

# What is pruned only with `exact=False`.
INEXACT = {
    layers.GroupNormalization: [lambda x: layers.GroupNormalization(2)(x)],
    layers.LayerNormalization: [
        lambda x: layers.LayerNormalization()(x),
        lambda x: layers.LayerNormalization(scale=False)(x),
    ],
    layers.RMSNormalization: [lambda x: layers.RMSNormalization()(x)],
    layers.UnitNormalization: [lambda x: layers.UnitNormalization()(x)],
    layers.Softmax: [lambda x: layers.Softmax()(x)],
    "Softmax": [ops.softmax],
    "LogSoftmax": [ops.log_softmax],
}

# Where one layer after a convolution does not do: whole models.
MODELS = {
    layers.Embedding: [zoo.transformer],
    layers.GroupQueryAttention: [zoo.grouped_queries],
    layers.MultiHeadAttention: [zoo.transformer],
    "LayerScale": [zoo.convnext],
    "CustomScaleLayer": [zoo.inception_resnet],
}

OPERATIONS = {
    "Absolute": [ops.abs],
    "Add": [
        lambda x: x + layers.Conv2D(6, 1)(x),
        lambda x: x + 1.0,
        lambda x: x + np.ones((8, 1)),
        lambda x: x + np.arange(6.0, dtype="float32"),
        lambda x: ops.add(np.arange(48.0, dtype="float32").reshape(8, 6), x),
    ],
    "Arctan": [ops.arctan],
    "Cast": [lambda x: ops.cast(x, "float32")],
    "Ceil": [ops.ceil],
    "Celu": [ops.celu],
    "Clip": [lambda x: ops.clip(x, -1.0, 1.0)],
    "Concatenate": [lambda x: ops.concatenate([x, layers.Conv2D(3, 1)(x)], axis=-1)],
    "Copy": [ops.copy],
    "Cos": [ops.cos],
    "Cosh": [ops.cosh],
    "Divide": [lambda x: ops.divide(x, 2.0 + ops.abs(layers.Conv2D(6, 1)(x)))],
    "Elu": [ops.elu],
    "Erf": [ops.erf],
    "Exp": [lambda x: ops.exp(ops.tanh(x))],
    "ExpandDims": [lambda x: ops.expand_dims(x, 1), lambda x: ops.expand_dims(x, -1)],
    "Expm1": [lambda x: ops.expm1(ops.tanh(x))],
    "Floor": [ops.floor],
    "Gelu": [ops.gelu],
    "GetItem": [
        lambda x: x[:, ::2, 1:, :],
        lambda x: x[..., 1:5],
        lambda x: x[..., ::2],
        lambda x: x[..., ::-1],
        lambda x: x[:, 0, None, :, 2:],
    ],
    "HardShrink": [ops.hard_shrink],
    "HardSigmoid": [ops.hard_sigmoid],
    "HardSilu": [ops.hard_silu],
    "HardTanh": [ops.hard_tanh],
    "LeakyRelu": [ops.leaky_relu],
    "Log": [lambda x: ops.log(2.0 + ops.abs(x))],
    "Log1p": [lambda x: ops.log1p(ops.abs(x))],
    "LogSigmoid": [ops.log_sigmoid],
    "LogSoftmax": [lambda x: ops.log_softmax(x, axis=1)],
    "Max": [lambda x: ops.max(x, axis=(1, 2))],
    "Maximum": [lambda x: ops.maximum(x, layers.Conv2D(6, 1)(x))],
    "Mean": [
        lambda x: ops.mean(x, axis=(1, 2)),
        lambda x: ops.mean(x, axis=1),
        lambda x: ops.mean(x, axis=-2, keepdims=True),
    ],
    "Min": [lambda x: ops.min(x, axis=2)],
    "Minimum": [lambda x: ops.minimum(x, 0.5)],
    "Multiply": [lambda x: x * ops.sigmoid(x)],
    "Negative": [lambda x: -x],
    "Pad": [
        lambda x: ops.pad(x, [[0, 0], [1, 1], [0, 0], [0, 0]]),
        lambda x: ops.pad(x, [[0, 0], [0, 0], [0, 0], [2, 1]]) + layers.Conv2D(9, 1)(x),
    ],
    "Power": [lambda x: ops.power(2.0, ops.tanh(x))],
    "Reciprocal": [lambda x: ops.reciprocal(2.0 + ops.abs(x))],
    "Relu": [ops.relu],
    "Relu6": [ops.relu6],
    "Reshape": [
        lambda x: ops.reshape(x, (-1, 64, 6)),
        lambda x: ops.reshape(x, (-1, 384)),
        lambda x: ops.reshape(x, (-1, 96, 4)),
    ],
    "Round": [ops.round],
    "Rsqrt": [lambda x: ops.rsqrt(2.0 + ops.abs(x))],
    "Selu": [ops.selu],
    "Sigmoid": [ops.sigmoid],
    "Sign": [ops.sign],
    "Silu": [ops.silu],
    "Sin": [ops.sin],
    "Sinh": [lambda x: ops.sinh(ops.tanh(x))],
    "SoftShrink": [ops.soft_shrink],
    "Softmax": [lambda x: ops.softmax(x, axis=1)],
    "Softplus": [ops.softplus],
    "Softsign": [ops.softsign],
    "SparsePlus": [ops.sparse_plus],
    "Split": [
        lambda x: ops.split(x, 3, axis=-1)[1],
        lambda x: ops.concatenate(ops.split(x, [1, 4], axis=-1)[::-1], axis=-1),
        lambda x: ops.split(x, 2, axis=1)[0],
    ],
    "Sqrt": [lambda x: ops.sqrt(2.0 + ops.abs(x))],
    "Square": [ops.square],
    "Squareplus": [ops.squareplus],
    "Squeeze": [lambda x: ops.squeeze(layers.GlobalMaxPooling2D(keepdims=True)(x), (1, 2))],
    "StopGradient": [ops.stop_gradient],
    "Subtract": [lambda x: x - layers.Conv2D(6, 1)(x)],
    "Sum": [lambda x: ops.sum(x, axis=(1, 2))],
    "Tan": [lambda x: ops.tan(0.1 * x)],
    "Tanh": [ops.tanh],
    "TanhShrink": [ops.tanh_shrink],
    "Threshold": [lambda x: ops.threshold(x, 0.0, 0.0)],
    "Transpose": [
        lambda x: ops.transpose(x, (0, 2, 1, 3)),
        lambda x: ops.transpose(x, (0, 3, 1, 2)),
    ],
    "TrueDivide": [lambda x: x / 3.0],
}


def rank_for(cls) -> int:
    """Spatial rank of the tensor that an example of a layer class takes."""
    if cls in (layers.Bidirectional, layers.GRU, layers.LSTM, layers.SimpleRNN):
        return 1
    found = re.search(r"(\d)D", cls.__name__)
    rank = int(found.group(1)) if found else 2
    return min(3, rank + 1) if "LSTM" in cls.__name__ else rank
