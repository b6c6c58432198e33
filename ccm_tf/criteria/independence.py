"""Channel independence: what the nuclear norm of a feature map loses without a channel."""

import dataclasses
from typing import Any

import numpy as np

from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.criteria.streaming import Seen, StreamingCriterion, View
from ccm_tf.statistics.nuclear_norm import nuclear_norm_drop


@register_criterion("independence")
class Independence(StreamingCriterion):
    r"""Keeps the channels without which the feature maps lose most of their nuclear norm.

    With $A_s$ the feature map of image s as a matrix of C channels by P pixels,

    $$\text{CI}(c) = \operatorname{mean}_s \big( \lVert A_s \rVert_* -
    \lVert A_s \text{ with row } c \text{ zeroed} \rVert_* \big)$$

    and the shortest prefix whose scores sum to strictly more than the energy is kept. The score is
    zero for a dead channel and small for one that the others nearly span. It is the selection
    behind the results published with CCM-loss (arXiv 2310.06344), taken there from Y. Sui et al.,
    "CHIP: CHannel Independence-based Pruning for Compact Neural Networks" (2021,
    arXiv 2110.13981). The definition costs C + 1 singular value decompositions per image; here one
    decomposition per image gives all channels (`nuclear_norm_drop`), to the same digits.

    Scores of coupled units (residual streams) are summed over the feature maps and positions in
    which they appear. Where feature maps have no pixels, P is 1. When to use: for the selection of
    the published results, with a few hundred images.

    Args:
        decimals: Round feature maps to so many decimals first, as the reference code does with 4.
            Defaults to `None`: no rounding.
        reference: Keep every channel of a group whose scores are all zero, as the reference code
            does by accident, instead of one. Defaults to `False`.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.

    Example:

    ```python
    plan = ccm_tf.plan(model, "independence", images[:640], energy=0.7)
    ```
    """

    cost = "one forward pass, one decomposition per image and feature map"

    def __init__(
        self,
        decimals: int | None = None,
        reference: bool = False,
        batch_size: int = 128,
        max_batches: int | None = None,
    ):
        super().__init__(batch_size, max_batches)
        self.decimals = decimals
        self.reference = reference

    def start(self, channels: int, views: list[View]) -> dict[str, Any]:
        """Sum of the scores of each channel, and the number of images."""
        return {"sum": np.zeros(channels), "images": 0}

    def update(self, statistics: dict[str, Any], features: np.ndarray) -> None:
        """Adds the scores of one batch."""
        matrices = np.moveaxis(features.reshape(len(features), -1, features.shape[-1]), 1, 2)
        if self.decimals is not None:
            matrices = np.round(matrices.astype(np.float64), self.decimals)
        statistics["sum"] += nuclear_norm_drop(matrices).sum(axis=0)
        statistics["images"] += len(features)

    def finish(self, group: Seen, observed: list[tuple[View, Any]]) -> Ranking:
        """Mean scores, largest first."""
        scores = np.zeros(len(group.roots))
        for view, statistics in observed:
            scores[view.units] += statistics["sum"][view.positions] / statistics["images"]
        order = np.argsort(-scores, kind="stable")
        ranking = Ranking(group.roots[order], scores[order])
        if self.reference and not scores.any():
            everything = np.zeros(len(scores))
            return dataclasses.replace(ranking, shares=everything, level=everything)
        return ranking
