"""The networks of the reference runs."""

from tasks.models.resnet import resnet
from tasks.models.vgg import vgg16

__all__ = ["resnet", "vgg16"]
