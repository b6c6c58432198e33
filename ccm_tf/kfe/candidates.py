"""A layer that may become a bottleneck, and what that saves at every width."""

import dataclasses
from typing import Any

import numpy as np

from ccm_tf.kfe.basis import Eigenbasis
from ccm_tf.kfe.blocks import Block
from ccm_tf.kfe.costs import ACCEPT, Cost, bottleneck_cost, cost_now, separable_cost
from ccm_tf.kfe.separable import can_separate


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A block with its eigenbasis and the order in which its directions go.

    Attributes:
        block: The block.
        basis: Its eigenbasis.
        orders: For inputs and outputs, the directions that may be dropped, least important first.
        accept: Key of `ACCEPT`.
        separable: Whether the core becomes depthwise.
        relative: Whether scores are compared between layers in units of their mean.
    """

    block: Block
    basis: Eigenbasis
    orders: tuple[np.ndarray, np.ndarray]
    accept: str = "params"
    separable: bool = False
    relative: bool = False

    @classmethod
    def of(cls, block: Block, basis: Eigenbasis, max_ratio: float, **options: Any) -> "Candidate":
        """A candidate that loses at most a share of the directions of each side.

        The most important direction of each side always stays. The options are attributes.
        """
        orders = []
        for scores in (basis.input_scores, basis.output_scores):
            most = int(np.floor(max_ratio * len(scores) + 1e-9))
            order = np.argsort(scores, kind="stable")
            orders.append(order[: min(most, len(scores) - 1)])
        inputs, outputs = orders
        options["separable"] = options.get("separable", False) and can_separate(block)
        return cls(block, basis, (inputs, outputs), **options)

    @property
    def scores(self) -> tuple[np.ndarray, np.ndarray]:
        """What directions of inputs and of outputs are ranked by, between layers."""
        inputs, outputs = self.basis.input_scores, self.basis.output_scores
        if self.relative:
            return _by_mean(inputs), _by_mean(outputs)
        return inputs, outputs

    @property
    def units(self) -> int:
        """Number of directions of both sides."""
        _, inputs, outputs = self.block.shape
        return inputs + outputs

    def left(self, dropped: tuple[int, int]) -> tuple[int, int]:
        """Directions that stay on each side."""
        _, inputs, outputs = self.block.shape
        return inputs - dropped[0], outputs - dropped[1]

    def accepted(self, dropped: tuple[int, int]) -> bool:
        """Whether the layer is worth converting after so many drops on each side."""
        if not any(dropped):
            return False
        # Measured without the depthwise core, as published.
        return ACCEPT[self.accept](
            bottleneck_cost(self.block, *self.left(dropped)), cost_now(self.block)
        )

    def cost(self, dropped: tuple[int, int]) -> Cost:
        """What the layer costs in the end."""
        if not self.accepted(dropped):
            return cost_now(self.block)
        left = self.left(dropped)
        if self.separable:
            return separable_cost(self.block, min(left))
        return bottleneck_cost(self.block, *left)

    def kept(self, dropped: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the directions that stay, ascending."""
        _, inputs, outputs = self.block.shape
        return (
            np.delete(np.arange(inputs), self.orders[0][: dropped[0]]),
            np.delete(np.arange(outputs), self.orders[1][: dropped[1]]),
        )


def _by_mean(scores: np.ndarray) -> np.ndarray:
    return scores / scores.mean() if scores.any() else scores
