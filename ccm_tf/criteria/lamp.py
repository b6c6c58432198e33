"""LAMP: magnitude relative to what would still be there."""

from typing import Any

import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.kernels import channel_kernels
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import ranked, reduced
from ccm_tf.criteria.registry import register_criterion


@register_criterion("lamp")
class LAMP(Criterion):
    r"""Keeps the channels with the largest share of the weight that would remain. Needs no data.

    With the channels of a group sorted by the squared norm $n_c$ of their kernel slices, each is
    compared with itself and the larger ones:

    $$s_c = \frac{n_c}{\sum_{j:\, n_j \ge n_c} n_j}, \qquad n_c = \lVert W_c \rVert_2^2$$

    The largest channel of every group scores 1, so one global threshold finds the width of each
    layer and never empties one. "Layer-adaptive magnitude-based pruning" of J. Lee et al.,
    "Layer-Adaptive Sparsity for the Magnitude-based Pruning" (2021, arXiv 2010.07611), with
    channels in the place of single weights. A unit made by several layers is one channel with the
    weights of all of them. Cost: the weights are read once. When to use: like `"magnitude"`, for a
    budget over the whole network where layers differ much in scale.

    Args:
        None.

    Example:

    ```python
    plan = ccm_tf.plan(model, "lamp", macs=0.5)
    ```
    """

    cost = "reads the weights"

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`; `data` is not used."""
        rankings = {}
        for group in graph.groups:
            if len(group.roots):
                parts = [
                    (roots, np.einsum("ij,ij->i", rows, rows))
                    for roots, rows in channel_kernels(graph, group)
                ]
                squares = np.nan_to_num(reduced(group.roots, parts, "sum"))
                rankings[group.index] = ranked(group.roots, lamp_scores(squares))
        return rankings


def lamp_scores(squares: np.ndarray) -> np.ndarray:
    """Squared magnitudes, each divided by the sum of itself and those that come after it.

    Equal magnitudes are sorted by their place, the first one last, as if it were larger.
    """
    order = np.argsort(-squares, kind="stable")
    remaining = np.cumsum(squares[order])
    scores = np.zeros(len(squares))
    np.divide(squares[order], remaining, out=scores, where=remaining > 0)
    result = np.empty(len(squares))
    result[order] = scores
    return result
