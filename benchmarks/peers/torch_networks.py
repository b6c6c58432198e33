"""The networks of `tasks.models` in PyTorch. Layers have the names that they have in Keras.

This file runs where PyTorch is installed, which need not be where Keras is.
"""

import torch
from torch import nn
from torch.nn import functional

_POOLED = {2: nn.MaxPool2d, 4: nn.MaxPool2d, 7: nn.MaxPool2d, 10: nn.MaxPool2d, 13: nn.AvgPool2d}


class VGG16(nn.Module):
    """See `tasks.models.vgg16`; images (B, 3, 32, 32), so that what is flattened is one pixel.

    Args:
        classes: Number of logits.
        widths: Of conv1 … conv13 and the hidden dense layer.
    """

    def __init__(self, classes, widths):
        super().__init__()
        before = 3
        for number, width in enumerate(widths[:13], 1):
            self.add_module(f"conv{number}", nn.Conv2d(before, width, 3, padding=1))
            self.add_module(f"bn{number}", nn.BatchNorm2d(width))
            self.add_module(f"relu{number}", nn.ReLU())
            before = width
        self.dense1 = nn.Linear(before, widths[13])
        self.dense1_bn = nn.BatchNorm1d(widths[13])
        self.dense1_relu = nn.ReLU()
        self.logits = nn.Linear(widths[13], classes)
        self.pools = nn.ModuleDict({str(at): kind(2) for at, kind in _POOLED.items()})

    def forward(self, x):
        for number in range(1, 14):
            for kind in ("conv", "bn", "relu"):
                x = getattr(self, f"{kind}{number}")(x)
            if number in _POOLED:
                x = self.pools[str(number)](x)
        x = self.dense1_bn(self.dense1(torch.flatten(x, 1)))
        return self.logits(self.dense1_relu(x))


class ResNet(nn.Module):
    """See `tasks.models.resnet`: shortcuts without parameters, padded with channels of zeros.

    Args:
        classes: Number of logits.
        outputs: Widths of the stem and of every block's output.
        mids: Widths between the two convolutions of every block.
    """

    def __init__(self, classes, outputs, mids):
        super().__init__()
        self.conv1 = nn.Conv2d(3, outputs[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs[0])
        self.relu1 = nn.ReLU()
        blocks = len(mids) // 3
        self.blocks = []
        for index, (before, mid, after) in enumerate(zip(outputs, mids, outputs[1:], strict=False)):
            stage, block = divmod(index, blocks)
            name = f"stage{stage + 1}_block{block + 1}"
            strides = 2 if stage and not block else 1
            self.blocks.append((name, strides))
            first = nn.Conv2d(before, mid, 3, stride=strides, padding=1, bias=False)
            self.add_module(f"{name}_conv1", first)
            self.add_module(f"{name}_bn1", nn.BatchNorm2d(mid))
            self.add_module(f"{name}_relu1", nn.ReLU())
            self.add_module(f"{name}_conv2", nn.Conv2d(mid, after, 3, padding=1, bias=False))
            self.add_module(f"{name}_bn2", nn.BatchNorm2d(after))
            self.add_module(f"{name}_relu2", nn.ReLU())
        self.logits = nn.Linear(outputs[-1], classes)

    def forward(self, x):
        x = self.relu1(self.bn1(self.conv1(x)))
        for name, strides in self.blocks:
            x = self._block(x, name, strides)
        return self.logits(x.mean((2, 3)))

    def _block(self, x, name, strides):
        y = x
        for kind in ("conv1", "bn1", "relu1", "conv2", "bn2"):
            y = getattr(self, f"{name}_{kind}")(y)
        if strides == 2:
            x = x[:, :, ::2, ::2]
        missing = y.shape[1] - x.shape[1]
        if missing:
            front = missing // 2
            x = functional.pad(x, (0, 0, 0, 0, front, missing - front))
        return getattr(self, f"{name}_relu2")(y + x)


FAMILIES = {"vgg16": VGG16, "resnet": ResNet}


def build(description):
    """A network from its description (see `benchmarks.peers.weights.describe`)."""
    arguments = dict(description)
    return FAMILIES[arguments.pop("family")](**arguments)
