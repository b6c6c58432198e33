"""Residual networks for small images, with parameter-free shortcuts."""

from collections.abc import Sequence

import keras

from tasks.models.layers import batch_norm, conv3x3, dense, scaled

_STAGE_WIDTHS = (16, 32, 64)


def resnet(
    depth: int,
    classes: int,
    width: float = 1.0,
    outputs: Sequence[int] | None = None,
    mids: Sequence[int] | None = None,
    input_shape: tuple[int, int, int] = (32, 32, 3),
) -> keras.Model:
    """Builds the CIFAR residual network of He et al. (arXiv 1512.03385) with 6n + 2 layers.

    A 3x3 stem of 16 channels, three stages of n basic blocks with 16, 32 and 64 channels, global
    average pooling and a dense layer that returns logits. Convolutions have no bias. Where the
    shape changes, the shortcut takes every second pixel and puts zero channels on both sides
    ("option A"), so it has no parameters. At ten classes ResNet-56 has 853,018 and ResNet-110
    1,727,962 trainable parameters.

    Args:
        depth: Number of layers: 20, 32, 44, 56, 110 or another 6n + 2.
        classes: Number of classes.
        width: Multiplies every width. Defaults to 1.
        outputs: Exact widths of the stem and of every block's output, 3n + 1 numbers. Where they
            disagree, the shortcut pads or crops by position, as the pruned networks of the
            reference runs do. Defaults to `None`.
        mids: Exact widths between the two convolutions of every block, 3n numbers. Defaults to
            `None`: the usual width of the stage.
        input_shape: Height, width and channels of an image.

    Returns:
        A `keras.Model` from images (B, H, W, C) to logits (B, classes).

    Raises:
        ValueError: If the depth is not 6n + 2, or widths are too few, too many or not positive.

    Example:

    ```python
    model = resnet(56, 10)
    ```
    """
    blocks = _blocks_per_stage(depth)
    usual = [scaled(w, width) for w in _STAGE_WIDTHS for _ in range(blocks)]
    out = _exact("outputs", outputs, [scaled(_STAGE_WIDTHS[0], width)] + usual)
    mid = _exact("mids", mids, usual)

    inputs = keras.Input(input_shape, name="image")
    x = conv3x3(inputs, out[0], "conv1")
    x = batch_norm(x, "bn1")
    x = keras.layers.ReLU(name="relu1")(x)
    for index in range(3 * blocks):
        stage, block = divmod(index, blocks)
        strides = 2 if stage and not block else 1
        x = _basic_block(
            x, (mid[index], out[index + 1]), strides, f"stage{stage + 1}_block{block + 1}"
        )
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, dense(x, classes, "logits"), name=f"resnet{depth}")


def shortcut(inputs, channels: int, strides: int = 1):
    """Fits a residual stream to a new shape without parameters.

    With a stride it takes every second pixel in both directions. Missing channels are zeros, half
    of them (rounded down) in front and the rest behind; surplus channels are cut off likewise.

    Args:
        inputs: Tensor (B, H, W, C).
        channels: Number of channels wanted.
        strides: 1 or 2. Defaults to 1.

    Returns:
        Tensor (B, ceil(H / strides), ceil(W / strides), channels); `inputs` itself if it fits.
    """
    x = inputs
    if strides == 2:
        x = x[:, ::2, ::2, :]
    front, back = shortcut_padding(x.shape[-1], channels)
    if front < 0 or back < 0:
        return x[:, :, :, -front : x.shape[-1] + back]
    if front or back:
        return keras.ops.pad(x, ((0, 0), (0, 0), (0, 0), (front, back)))
    return x


def shortcut_padding(channels: int, wanted: int) -> tuple[int, int]:
    """Channels to put in front and behind, negative where they are cut off."""
    difference = wanted - channels
    front = difference // 2
    return front, difference - front


def _basic_block(inputs, widths: tuple[int, int], strides: int, name: str):
    mid, out = widths
    x = conv3x3(inputs, mid, f"{name}_conv1", strides)
    x = batch_norm(x, f"{name}_bn1")
    x = keras.layers.ReLU(name=f"{name}_relu1")(x)
    x = conv3x3(x, out, f"{name}_conv2")
    x = batch_norm(x, f"{name}_bn2")
    x = keras.layers.Add(name=f"{name}_add")([x, shortcut(inputs, out, strides)])
    return keras.layers.ReLU(name=f"{name}_relu2")(x)


def _blocks_per_stage(depth: int) -> int:
    blocks, rest = divmod(depth - 2, 6)
    if rest or blocks < 1:
        raise ValueError(
            f"Argument `depth` must be 6n + 2, such as 20, 32, 56 or 110. Received: depth={depth}"
        )
    return blocks


def _exact(argument: str, given: Sequence[int] | None, usual: list[int]) -> list[int]:
    if given is None:
        return usual
    widths = [int(w) for w in given]
    if len(widths) != len(usual) or any(w < 1 for w in widths):
        raise ValueError(
            f"Argument `{argument}` takes {len(usual)} positive numbers at this depth. "
            f"Received {len(widths)}: {widths}"
        )
    return widths
