"""What a layer costs as it is, and as a bottleneck of some widths."""

import dataclasses

from ccm_tf.kfe.blocks import Block


@dataclasses.dataclass(frozen=True)
class Cost:
    """Weights and multiply-accumulates per sample; what a bias costs is the same in any form."""

    params: int
    macs: int

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.params - other.params, self.macs - other.macs)


def cost_now(block: Block) -> Cost:
    """Cost of a block as it stands: a layer, or a bottleneck."""
    taps, inputs, outputs = block.shape
    if block.enter is None:
        weights = taps * inputs * outputs
        return Cost(weights, weights * block.pixels[1])
    return bottleneck_cost(block, inputs, outputs)


def bottleneck_cost(block: Block, inputs: int, outputs: int) -> Cost:
    """Cost of rotation, core and rotation with so many directions."""
    return staged(block, inputs * block.widths[0], block.taps * inputs * outputs, outputs)


def separable_cost(block: Block, rank: int) -> Cost:
    """Cost of rotation, depthwise core and rotation with a rank."""
    return staged(block, rank * block.widths[0], block.taps * rank, rank)


def staged(block: Block, enter: int, core: int, outputs: int) -> Cost:
    """Cost of three stages: the first runs at the resolution of the input."""
    leave = outputs * block.widths[1]
    before, after = input_pixels(block), block.pixels[1]
    return Cost(enter + core + leave, before * enter + after * (core + leave))


def input_pixels(block: Block) -> int:
    """Positions at which the rotation in front runs."""
    return block.pixels[0]


# What a bottleneck has to save to take the place of a layer.
ACCEPT = {
    "params": lambda new, old: new.params < old.params,
    "macs": lambda new, old: new.macs < old.macs,
    "both": lambda new, old: new.params < old.params and new.macs < old.macs,
}
