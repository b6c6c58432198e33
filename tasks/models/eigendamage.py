"""The networks of EigenDamage's experiments: VGG-19, a wide ResNet-32 and a PreResNet-29.

In their counting rule (`profile(model, convention="eigendamage")`) only what is a module in the
published code costs anything: `ReLU` layers do, `Activation("relu")` and average pooling do not.
"""

import keras
from keras import layers

from tasks.models.layers import batch_norm, scaled

_VGG19 = ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4)
_WIDTHS = (64, 128, 256)
_FAN_IN = {"scale": 2.0, "mode": "fan_in", "distribution": "untruncated_normal"}
_FAN_OUT = {**_FAN_IN, "mode": "fan_out"}


def vgg19(
    classes: int, width: float = 1.0, input_shape: tuple[int, int, int] = (32, 32, 3)
) -> keras.Model:
    """Builds VGG-19 with batch normalisation and one dense layer.

    Sixteen 3x3 convolutions without bias, max-pooling after the first four stages, global average
    pooling. At width 1 and ten classes it has 20,035,018 trainable parameters.

    Args:
        classes: Number of classes.
        width: Multiplies every width. Defaults to 1.
        input_shape: Height, width and channels of an image.

    Returns:
        A `keras.Model` from images (B, H, W, C) to logits (B, classes).
    """
    inputs = x = keras.Input(input_shape, name="image")
    number = 0
    for stage, widths in enumerate(_VGG19, start=1):
        for channels in widths:
            number += 1
            x = _conv(x, scaled(channels, width), f"conv{number}")
            x = layers.ReLU(name=f"relu{number}")(batch_norm(x, f"bn{number}"))
        if stage < len(_VGG19):
            x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)
    return _with_head(inputs, x, classes, "vgg19")


def resnet32_wide(
    classes: int, width: float = 1.0, input_shape: tuple[int, int, int] = (32, 32, 3)
) -> keras.Model:
    """Builds the ResNet-32 with 64, 128 and 256 channels and projection shortcuts.

    A stem, three stages of five basic blocks, global average pooling. Shortcuts are a 1x1
    convolution with batch normalisation where the shape changes. At width 1 and ten classes it
    has 7,427,914 trainable parameters.

    Args:
        classes: Number of classes.
        width: Multiplies every width. Defaults to 1.
        input_shape: Height, width and channels of an image.

    Returns:
        A `keras.Model` from images (B, H, W, C) to logits (B, classes).
    """
    inputs = keras.Input(input_shape, name="image")
    x = _relu(batch_norm(_conv(inputs, scaled(_WIDTHS[0], width), "conv1"), "bn1"), "relu1")
    for stage, channels in enumerate(scaled(w, width) for w in _WIDTHS):
        for block in range(5):
            strides = 2 if stage and not block else 1
            x = _basic_block(x, channels, strides, f"stage{stage + 1}_block{block + 1}")
    return _with_head(inputs, x, classes, "resnet32_wide")


def preresnet29(
    classes: int, width: float = 1.0, input_shape: tuple[int, int, int] = (32, 32, 3)
) -> keras.Model:
    """Builds the pre-activation ResNet-29 with 64, 128 and 256 channels.

    A stem, three stages of three blocks (1x1, 3x3, 1x1, each behind batch normalisation and ReLU),
    bare 1x1 shortcuts where the shape changes. At width 1 and ten classes it has 2,235,850
    trainable parameters.

    Args:
        classes: Number of classes.
        width: Multiplies every width. Defaults to 1.
        input_shape: Height, width and channels of an image.

    Returns:
        A `keras.Model` from images (B, H, W, C) to logits (B, classes).
    """
    inputs = keras.Input(input_shape, name="image")
    x = _conv(inputs, scaled(_WIDTHS[0], width), "conv1", init=_FAN_OUT)
    for stage, channels in enumerate(scaled(w, width) for w in _WIDTHS):
        for block in range(3):
            strides = 2 if stage and not block else 1
            x = _pre_block(x, channels, strides, f"stage{stage + 1}_block{block + 1}")
    return _with_head(inputs, _relu(_half_norm(x, "bn"), "relu"), classes, "preresnet29")


def _basic_block(inputs, channels: int, strides: int, name: str):
    x = _conv(inputs, channels, f"{name}_conv1", strides)
    x = _relu(batch_norm(x, f"{name}_bn1"), f"{name}_relu1")
    x = batch_norm(_conv(x, channels, f"{name}_conv2"), f"{name}_bn2")
    shortcut = inputs
    if strides > 1 or inputs.shape[-1] != channels:
        shortcut = _conv(inputs, channels, f"{name}_shortcut", strides, kernel=1)
        shortcut = batch_norm(shortcut, f"{name}_bn3")
    return _relu(layers.Add(name=f"{name}_add")([x, shortcut]), f"{name}_relu2")


def _pre_block(inputs, channels: int, strides: int, name: str):
    # Where the width changes, it does so in the last convolution.
    inner = inputs.shape[-1]
    steps = ((inner, 1, 1), (inner, 3, strides), (channels, 1, 1))
    x = inputs
    for number, (filters, kernel, step) in enumerate(steps, start=1):
        x = _relu(_half_norm(x, f"{name}_bn{number}"), f"{name}_relu{number}")
        x = _conv(x, filters, f"{name}_conv{number}", step, kernel, _FAN_OUT)
    shortcut = inputs
    if strides > 1 or inner != channels:
        shortcut = _conv(inputs, channels, f"{name}_shortcut", strides, 1, _FAN_OUT)
    return layers.Add(name=f"{name}_add")([x, shortcut])


def _conv(inputs, filters: int, name: str, strides: int = 1, kernel: int = 3, init=None):
    padding = "same"
    if strides > 1 and kernel > 1:
        # With a stride, "same" pads even sizes only on the right and at the bottom.
        inputs = layers.ZeroPadding2D(1, name=f"{name}_pad")(inputs)
        padding = "valid"
    return layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(**(init or _FAN_IN)),
        name=name,
    )(inputs)


def _relu(inputs, name: str):
    return layers.Activation("relu", name=name)(inputs)


def _half_norm(inputs, name: str):
    return layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, gamma_initializer=keras.initializers.Constant(0.5), name=name
    )(inputs)


def _with_head(inputs, x, classes: int, name: str) -> keras.Model:
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    head = layers.Dense(
        classes,
        kernel_initializer=keras.initializers.VarianceScaling(**_FAN_IN),
        name="logits",
    )
    return keras.Model(inputs, head(x), name=name)
