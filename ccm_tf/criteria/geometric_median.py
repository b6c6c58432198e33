"""Geometric median: which kernels the others of their layer can replace."""

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


@register_criterion("geometric_median")
class GeometricMedian(Criterion):
    r"""Keeps the channels whose kernels are far from all others of their layer. Needs no data.

    The kernels nearest to the geometric median of a layer say the least that others do not say:

    $$s_c = \sum_j \lVert W_c - W_j \rVert_2$$

    over all channels j of the layer. A small kernel may stay and a large one go. Y. He et al.,
    "Filter Pruning via Geometric Median for Deep Convolutional Neural Networks Acceleration"
    (FPGM, 2019, arXiv 1811.00250). A unit made by several layers has the mean, sum or maximum of
    their scores. Cost: a product of the C x D kernel matrix with itself per layer. When to use:
    without data, where kernels resemble each other more than they differ in size. A layer with a
    dead channel among few equal ones keeps the dead one: it is the odd one out.

    Args:
        reduction: `"mean"`, `"sum"` or `"max"` over the channels of a unit. Defaults to `"mean"`.
        normalization: What distances are divided by, layer by layer: their `"mean"`, their
            `"max"`, or `"none"`. Defaults to `"mean"`.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    ```python
    plan = ccm_tf.plan(model, "geometric_median", macs=0.5)
    ```
    """

    cost = "reads the weights; C^2 D per layer"

    def __init__(self, reduction: str = "mean", normalization: str = "mean"):
        self.reduction = check_option("reduction", reduction, REDUCTIONS)
        self.normalization = check_option("normalization", normalization, NORMALIZATIONS)

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`; `data` is not used."""
        return {
            group.index: ranked(group.roots, self._scores(graph, group))
            for group in graph.groups
            if len(group.roots)
        }

    def _scores(self, graph: Any, group: Any) -> np.ndarray:
        parts = [
            (roots, normalized(distance_sums(rows), self.normalization))
            for roots, rows in channel_kernels(graph, group)
        ]
        return np.nan_to_num(reduced(group.roots, parts, self.reduction))


def distance_sums(rows: np.ndarray) -> np.ndarray:
    """For every row the sum of its Euclidean distances to all rows."""
    # Distances do not change, but fewer digits cancel.
    rows = rows - rows.mean(axis=0)
    squares = np.einsum("ij,ij->i", rows, rows)
    distances = squares[:, None] + squares - 2 * (rows @ rows.T)
    noise = 4 * np.finfo(float).eps * (squares[:, None] + squares)
    return np.sqrt(np.where(distances > noise, distances, 0)).sum(axis=1)
