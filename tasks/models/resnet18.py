"""ResNet-18 for images of ImageNet's size."""

import keras
from keras import layers

from tasks.models.layers import batch_norm, dense, scaled

_WIDTHS = (64, 128, 256, 512)
_FAN_OUT = {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal"}


def resnet18(
    classes: int, width: float = 1.0, input_shape: tuple[int, int, int] = (224, 224, 3)
) -> keras.Model:
    """Builds ResNet-18 of He et al. (arXiv 1512.03385) with projection shortcuts.

    A 7x7 stem with stride 2 and max-pooling, four stages of two basic blocks, global average
    pooling and a dense layer that returns logits. At 1000 classes it has 11,689,512 trainable
    parameters. The width between the two convolutions of a block belongs to the block alone; its
    output is tied to the residual stream.

    Args:
        classes: Number of classes.
        width: Multiplies every width. Defaults to 1.
        input_shape: Height, width and channels of an image. Defaults to (224, 224, 3).

    Returns:
        A `keras.Model` from images (B, H, W, C) to logits (B, classes).

    Example:

    ```python
    model = resnet18(1000)
    ```
    """
    inputs = keras.Input(input_shape, name="image")
    x = _conv(inputs, scaled(_WIDTHS[0], width), 7, 2, "conv1")
    x = layers.ReLU(name="relu1")(batch_norm(x, "bn1"))
    # Padded as in the original; the zeros are never larger than what a ReLU puts out.
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, 2, name="pool1")(x)
    for stage, channels in enumerate(_WIDTHS, start=1):
        for block in (1, 2):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _block(x, scaled(channels, width), strides, f"stage{stage}_block{block}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, dense(x, classes, "logits"), name="resnet18")


def _block(inputs, channels: int, strides: int, name: str):
    x = _conv(inputs, channels, 3, strides, f"{name}_conv1")
    x = layers.ReLU(name=f"{name}_relu1")(batch_norm(x, f"{name}_bn1"))
    x = batch_norm(_conv(x, channels, 3, 1, f"{name}_conv2"), f"{name}_bn2")
    shortcut = inputs
    if strides != 1 or inputs.shape[-1] != channels:
        shortcut = _conv(inputs, channels, 1, strides, f"{name}_shortcut")
        shortcut = batch_norm(shortcut, f"{name}_shortcut_bn")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu2")(x)


def _conv(inputs, channels: int, size: int, strides: int, name: str):
    """A convolution without bias, padded symmetrically whatever its stride."""
    if size > 1:
        inputs = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(inputs)
    return layers.Conv2D(
        channels,
        size,
        strides,
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(**_FAN_OUT),
        name=name,
    )(inputs)
