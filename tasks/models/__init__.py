"""The networks of the reference runs."""

import keras

from tasks.models.resnet import resnet
from tasks.models.vgg import vgg16

__all__ = ["build", "resnet", "vgg16"]


def build(
    network: str, classes: int, width: float, image_shape: tuple[int, int, int]
) -> keras.Model:
    """A network by name.

    Args:
        network: "vgg16", or "resnet" and a depth: "resnet56".
        classes: Number of classes.
        width: Multiplies its widths.
        image_shape: Height, width and channels of an image.

    Raises:
        ValueError: If there is no such network.
    """
    if network == "vgg16":
        return vgg16(classes, width, input_shape=image_shape)
    depth = network.removeprefix("resnet")
    if depth != network and depth.isdecimal():
        return resnet(int(depth), classes, width, input_shape=image_shape)
    raise ValueError(
        f"Unknown network. Expected 'vgg16' or a 'resnet56'. Received: network={network!r}"
    )
