"""VGG-16 with batch normalisation for small images."""

from collections.abc import Sequence

import keras

from tasks.models.layers import batch_norm, conv3x3, dense, scaled

_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
_HIDDEN = 512


def vgg16(
    classes: int,
    width: float = 1.0,
    widths: Sequence[int] | None = None,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    name: str = "vgg16",
) -> keras.Model:
    """Builds VGG-16 with batch normalisation as the CCM reference runs use it on CIFAR-10.

    Thirteen 3x3 convolutions with bias, each followed by batch normalisation and ReLU, max-pooling
    after the first four stages, average pooling after the fifth, a hidden dense layer with batch
    normalisation and ReLU, and a dense layer that returns logits. At width 1 and ten classes it
    has 14,991,946 trainable parameters. The network is that of Simonyan and Zisserman, "Very Deep
    Convolutional Networks for Large-Scale Image Recognition" (arXiv 1409.1556), with the
    classifier of Li et al., "Pruning Filters for Efficient ConvNets" (arXiv 1608.08710).

    Args:
        classes: Number of classes.
        width: Multiplies every hidden width. Defaults to 1.
        widths: Exact widths of conv1 … conv13 and the hidden dense layer, in that order; layers
            beyond the end of the list keep their usual width. Defaults to `None`.
        input_shape: Height, width and channels of an image; sides of 32 or more.
        name: Name of the model.

    Returns:
        A `keras.Model` from images (B, H, W, C) to logits (B, classes).

    Raises:
        ValueError: If a width is not positive, there are more than 14 widths, or the images are
            smaller than 32 pixels.

    Example:

    ```python
    model = vgg16(10)
    narrow = vgg16(10, width=0.25)
    pruned = vgg16(10, widths=(11, 32, 68, 66, 125, 113, 113, 218, 121, 94, 60, 27))
    ```
    """
    if min(input_shape[:2]) < 32:
        raise ValueError(
            "VGG-16 halves the image five times, so it needs sides of at least 32 pixels. "
            f"Received: input_shape={tuple(input_shape)}"
        )
    filters = iter(_layer_widths(width, widths))
    inputs = x = keras.Input(input_shape, name="image")
    conv = 0
    for stage, blocks in enumerate(_STAGES, start=1):
        for _ in blocks:
            conv += 1
            x = conv3x3(x, next(filters), f"conv{conv}", use_bias=True)
            x = batch_norm(x, f"bn{conv}")
            x = keras.layers.ReLU(name=f"relu{conv}")(x)
        pool = keras.layers.AveragePooling2D if stage == 5 else keras.layers.MaxPooling2D
        x = pool(2, name=f"pool{stage}")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = dense(x, next(filters), "dense1")
    x = batch_norm(x, "dense1_bn")
    x = keras.layers.ReLU(name="dense1_relu")(x)
    return keras.Model(inputs, dense(x, classes, "logits"), name=name)


def _layer_widths(width: float, widths: Sequence[int] | None) -> list[int]:
    usual = [scaled(w, width) for stage in _STAGES for w in stage] + [scaled(_HIDDEN, width)]
    given = [] if widths is None else [int(w) for w in widths]
    if len(given) > len(usual) or any(w < 1 for w in given):
        raise ValueError(
            f"Argument `widths` takes at most {len(usual)} positive numbers: conv1 … conv13 and "
            f"the hidden dense layer. Received: widths={given}"
        )
    return given + usual[len(given) :]
