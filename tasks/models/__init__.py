"""The networks of the reference runs."""

import functools

import keras

from tasks.models.eigendamage import preresnet29, resnet32_wide, vgg19
from tasks.models.frs import resnet_frs, vgg16_frs
from tasks.models.resnet import resnet
from tasks.models.resnet18 import resnet18
from tasks.models.vgg import vgg16

__all__ = [
    "NETWORKS",
    "build",
    "preresnet29",
    "resnet",
    "resnet18",
    "resnet32_wide",
    "resnet_frs",
    "vgg16",
    "vgg16_frs",
    "vgg19",
]

NETWORKS = {
    "preresnet29": preresnet29,
    "resnet18": resnet18,
    "resnet32_wide": resnet32_wide,
    "resnet56_frs": functools.partial(resnet_frs, 56),
    "resnet110_frs": functools.partial(resnet_frs, 110),
    "resnet164_frs": functools.partial(resnet_frs, 164),
    "vgg16": vgg16,
    "vgg16_frs": vgg16_frs,
    "vgg19": vgg19,
}


def build(
    network: str, classes: int, width: float, image_shape: tuple[int, int, int]
) -> keras.Model:
    """A network by name.

    Args:
        network: One of `NETWORKS`, or "resnet" and a depth: "resnet56".
        classes: Number of classes.
        width: Multiplies its widths.
        image_shape: Height, width and channels of an image.

    Raises:
        ValueError: If there is no such network.
    """
    if network in NETWORKS:
        return NETWORKS[network](classes, width, input_shape=image_shape)
    depth = network.removeprefix("resnet")
    if depth != network and depth.isdecimal():
        return resnet(int(depth), classes, width, input_shape=image_shape)
    raise ValueError(
        f"Unknown network. Expected one of {', '.join(NETWORKS)}, or a 'resnet56'. "
        f"Received: network={network!r}"
    )
