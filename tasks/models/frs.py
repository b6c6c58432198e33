"""The networks of the experiments with feature relevance scores.

As the code published with S. Aketi et al. (arXiv 2002.09958) defines them for CIFAR: convolutions
without biases, batch normalisation behind each, activations after residual sums, and shortcuts of
a 1x1 convolution with batch normalisation where the shape changes ("option B").
"""

from keras import Input, Model, layers

from tasks.models.layers import batch_norm, conv1x1, conv3x3, dense, scaled

_VGG16 = ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)
_HIDDEN = 512
_WIDTHS = (16, 32, 64)
_EXPANSION = 4
# Depth to blocks in a stage, and whether they are bottlenecks.
_RESNETS = {56: (9, False), 110: (18, False), 164: (18, True)}


def vgg16_frs(
    classes: int, width: float = 1.0, input_shape: tuple[int, int, int] = (32, 32, 3)
) -> Model:
    """Builds VGG-16 with five max-poolings and a hidden dense layer with dropout.

    At width 1 it has 14,986,698 trainable parameters for ten classes and 313.5 M
    multiply-accumulates.

    Args:
        classes: Number of classes.
        width: Multiplies every hidden width. Defaults to 1.
        input_shape: Height, width and channels of an image; sides of 32 or more.

    Returns:
        A `keras.Model` from images (B, H, W, C) to logits (B, classes).

    Raises:
        ValueError: If the images are smaller than 32 pixels.
    """
    if min(input_shape[:2]) < 32:
        raise ValueError(
            "VGG-16 halves the image five times, so it needs sides of at least 32 pixels. "
            f"Received: input_shape={tuple(input_shape)}"
        )
    inputs = x = Input(input_shape, name="image")
    number = 0
    for stage, widths in enumerate(_VGG16, start=1):
        for channels in widths:
            number += 1
            x = conv3x3(x, scaled(channels, width), f"conv{number}")
            x = layers.ReLU(name=f"relu{number}")(batch_norm(x, f"bn{number}"))
        x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)
    x = dense(layers.Flatten(name="flatten")(x), scaled(_HIDDEN, width), "dense1")
    x = layers.Dropout(0.5, name="dropout")(layers.ReLU(name="dense1_relu")(x))
    return Model(inputs, dense(x, classes, "logits"), name="vgg16_frs")


def resnet_frs(
    depth: int,
    classes: int,
    width: float = 1.0,
    input_shape: tuple[int, int, int] = (32, 32, 3),
) -> Model:
    """Builds ResNet-56, ResNet-110 or, of bottlenecks, ResNet-164.

    At width 1 and ten classes they have 855,770, 1,730,714 and 1,704,154 trainable parameters, and
    125.7, 253.1 and 247.6 M multiply-accumulates.

    Args:
        depth: 56, 110 or 164.
        classes: Number of classes.
        width: Multiplies every width. Defaults to 1.
        input_shape: Height, width and channels of an image.

    Returns:
        A `keras.Model` from images (B, H, W, C) to logits (B, classes).

    Raises:
        ValueError: If the depth is another.
    """
    if depth not in _RESNETS:
        raise ValueError(
            f"Argument `depth` must be one of {tuple(_RESNETS)}. Received: depth={depth}"
        )
    blocks, bottleneck = _RESNETS[depth]
    inputs = Input(input_shape, name="image")
    x = batch_norm(conv3x3(inputs, scaled(_WIDTHS[0], width), "conv1"), "bn1")
    x = layers.ReLU(name="relu1")(x)
    for stage, channels in enumerate(scaled(w, width) for w in _WIDTHS):
        for block in range(blocks):
            strides = 2 if stage and not block else 1
            x = _block(x, channels, strides, f"stage{stage + 1}_block{block + 1}", bottleneck)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return Model(inputs, dense(x, classes, "logits"), name=f"resnet{depth}_frs")


def _block(inputs, channels: int, strides: int, name: str, bottleneck: bool):
    out = channels * _EXPANSION if bottleneck else channels
    plan = ((conv3x3, channels, strides), (conv3x3, out, 1))
    if bottleneck:
        plan = ((conv1x1, channels, 1), (conv3x3, channels, strides), (conv1x1, out, 1))
    x = inputs
    for number, (convolution, filters, step) in enumerate(plan, start=1):
        if number > 1:
            x = layers.ReLU(name=f"{name}_relu{number - 1}")(x)
        x = convolution(x, filters, f"{name}_conv{number}", step)
        x = batch_norm(x, f"{name}_bn{number}")
    shortcut = inputs
    if strides > 1 or inputs.shape[-1] != out:
        shortcut = conv1x1(inputs, out, f"{name}_shortcut", strides)
        shortcut = batch_norm(shortcut, f"{name}_shortcut_bn")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu{len(plan)}")(x)
