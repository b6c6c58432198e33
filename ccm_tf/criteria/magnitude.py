"""Magnitude: how large the kernels are that make a channel."""

from typing import Any

import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.kernels import channel_kernels
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import (
    NORMALIZATIONS,
    REDUCTIONS,
    check_option,
    normalized,
    ranked,
    reduced,
)
from ccm_tf.criteria.registry import register_criterion

_NORMS = ("l1", "l2")


@register_criterion("magnitude")
class Magnitude(Criterion):
    r"""Keeps the channels with the largest kernels. Needs no data.

    The score of channel c of a layer is the norm of its slice of the kernel, relative to the
    layer's other channels, so that scores of different layers compare:

    $$s_c = \frac{\lVert W_c \rVert_p}{\operatorname{mean}_j \lVert W_j \rVert_p}$$

    A unit made by several layers (residual streams), or several times by one (grouped
    convolutions), has the mean, sum or maximum of their scores. The L1 norm within a layer is the
    criterion of H. Li et al., "Pruning Filters for Efficient ConvNets" (2017, arXiv 1608.08710).
    Cost: the weights are read once. When to use: without data, and as what others have to beat.

    Args:
        norm: `"l2"` or `"l1"`. Defaults to `"l2"`.
        reduction: `"mean"`, `"sum"` or `"max"` over the channels of a unit. Defaults to `"mean"`.
        normalization: What norms are divided by, layer by layer: their `"mean"`, their `"max"`, or
            `"none"`. Defaults to `"mean"`.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    ```python
    plan = ccm_tf.plan(model, "magnitude", macs=0.5)
    plan = ccm_tf.plan(model, Magnitude(norm="l1"), channels=0.7, scope="local")
    ```
    """

    cost = "reads the weights"

    def __init__(self, norm: str = "l2", reduction: str = "mean", normalization: str = "mean"):
        self.norm = check_option("norm", norm, _NORMS)
        self.reduction = check_option("reduction", reduction, REDUCTIONS)
        self.normalization = check_option("normalization", normalization, NORMALIZATIONS)

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`; `data` is not used."""
        return {
            group.index: ranked(group.roots, self.scores(graph, group))
            for group in graph.groups
            if len(group.roots)
        }

    def scores(self, graph: Any, group: Any) -> np.ndarray:
        """Score of each of a group's free units, in the order of `group.roots`."""
        order = 1 if self.norm == "l1" else 2
        parts = [
            (roots, normalized(np.linalg.norm(rows, ord=order, axis=1), self.normalization))
            for roots, rows in channel_kernels(graph, group)
        ]
        return np.nan_to_num(reduced(group.roots, parts, self.reduction))
