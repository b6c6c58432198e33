"""Convolution, dense and normalisation layers that start as PyTorch's do."""

import math

import keras


def _uniform(fan_in: int) -> keras.initializers.Initializer:
    # An instance draws the same numbers at every call, so each variable gets its own.
    bound = 1.0 / math.sqrt(fan_in)
    return keras.initializers.RandomUniform(-bound, bound)


def conv3x3(inputs, filters: int, name: str, strides: int = 1, use_bias: bool = False):
    """A 3x3 convolution padded by one pixel on every side.

    Weights and bias start uniform in ±1/sqrt(fan_in), PyTorch's default.

    Args:
        inputs: Symbolic tensor (B, H, W, C).
        filters: Number of output channels.
        name: Name of the layer.
        strides: Step in both directions. Defaults to 1.
        use_bias: Whether to add a bias. Defaults to `False`.

    Returns:
        Symbolic tensor (B, ceil(H / strides), ceil(W / strides), filters).
    """
    padding = "same"
    fan_in = 9 * inputs.shape[-1]
    if strides != 1:
        # With a stride, "same" pads even sizes only on the right and at the bottom.
        inputs = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(inputs)
        padding = "valid"
    return keras.layers.Conv2D(
        filters,
        3,
        strides=strides,
        padding=padding,
        use_bias=use_bias,
        kernel_initializer=_uniform(fan_in),
        bias_initializer=_uniform(fan_in),
        name=name,
    )(inputs)


def conv1x1(inputs, filters: int, name: str, strides: int = 1):
    """A 1x1 convolution without bias, uniform in ±1/sqrt(fan_in) at the start."""
    return keras.layers.Conv2D(
        filters,
        1,
        strides=strides,
        use_bias=False,
        kernel_initializer=_uniform(inputs.shape[-1]),
        name=name,
    )(inputs)


def dense(inputs, units: int, name: str):
    """A dense layer with bias, both uniform in ±1/sqrt(fan_in) at the start."""
    fan_in = inputs.shape[-1]
    return keras.layers.Dense(
        units,
        kernel_initializer=_uniform(fan_in),
        bias_initializer=_uniform(fan_in),
        name=name,
    )(inputs)


def batch_norm(inputs, name: str):
    """Batch normalisation that keeps 0.9 of its moving statistics at each step."""
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(inputs)


def scaled(channels: int, width: float) -> int:
    """Number of channels at a width multiplier, at least 1.

    Args:
        channels: Channels at width 1.
        width: Multiplier, positive.

    Raises:
        ValueError: If the width is not positive.
    """
    if not width > 0:
        raise ValueError(f"Argument `width` must be positive. Received: width={width}")
    return max(1, round(channels * width))
