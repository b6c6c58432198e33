"""ResNet-50 for large images, with the stride in the 3x3 convolution."""

import keras

from tasks.models.layers import batch_norm, conv3x3, dense, scaled

# Blocks and inner width of each stage.
_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
_EXPANSION = 4


def resnet50(
    classes: int, width: float = 1.0, input_shape: tuple[int, int, int] = (224, 224, 3)
) -> keras.Model:
    """Builds the ResNet-50 of He et al. (arXiv 1512.03385) with 1x1 projections as shortcuts.

    Where a stage begins, the 3x3 convolution of its first block takes the stride. At 1000 classes
    and width 1 it has 25,557,032 trainable parameters.

    Args:
        classes: Number of classes.
        width: Multiplies every width. Defaults to 1.
        input_shape: Height, width and channels of an image.

    Returns:
        A `keras.Model` from images to logits.

    Example:

    ```python
    model = resnet50(1000)
    ```
    """
    inputs = keras.Input(input_shape, name="image")
    x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(inputs)
    x = _convolution(x, scaled(64, width), 7, "conv1", strides=2)
    x = keras.layers.ReLU(name="relu1")(batch_norm(x, "bn1"))
    x = keras.layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = keras.layers.MaxPooling2D(3, 2, name="pool1")(x)
    for stage, (blocks, inner) in enumerate(_STAGES, start=1):
        for block in range(1, blocks + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            x = _bottleneck(x, scaled(inner, width), strides, f"stage{stage}_block{block}")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, dense(x, classes, "logits"), name="resnet50")


def _bottleneck(inputs, inner: int, strides: int, name: str):
    x = batch_norm(_convolution(inputs, inner, 1, f"{name}_conv1"), f"{name}_bn1")
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    x = batch_norm(conv3x3(x, inner, f"{name}_conv2", strides), f"{name}_bn2")
    x = keras.layers.ReLU(name=f"{name}_relu2")(x)
    out = _EXPANSION * inner
    x = batch_norm(_convolution(x, out, 1, f"{name}_conv3"), f"{name}_bn3")
    shortcut = inputs
    if strides != 1 or inputs.shape[-1] != out:
        shortcut = _convolution(inputs, out, 1, f"{name}_project", strides)
        shortcut = batch_norm(shortcut, f"{name}_project_bn")
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut])
    return keras.layers.ReLU(name=f"{name}_relu3")(x)


def _convolution(inputs, filters: int, size: int, name: str, strides: int = 1):
    return keras.layers.Conv2D(
        filters,
        size,
        strides=strides,
        use_bias=False,
        kernel_initializer=keras.initializers.HeNormal(),
        name=name,
    )(inputs)
