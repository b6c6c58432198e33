"""Magnitude: how large the kernels are that make a channel."""

from typing import Any

import keras
import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.registry import register_criterion

_NORMS = ("l1", "l2")


@register_criterion("magnitude")
class Magnitude(Criterion):
    r"""Keeps the channels with the largest kernels. Needs no data.

    The score of an output channel is the norm of its slice of the kernel, divided by the mean over
    the layer's channels, so that scores of different layers compare; a unit made by several layers
    (residual streams) has the mean of their scores. The L1 norm within a layer is the criterion of
    H. Li et al., "Pruning Filters for Efficient ConvNets" (2017, arXiv 1608.08710).

    Args:
        norm: `"l2"` or `"l1"`. Defaults to `"l2"`.

    Raises:
        ValueError: If `norm` is neither.

    Example:

    ```python
    plan = ccm_tf.plan(model, "magnitude", macs=0.5)
    plan = ccm_tf.plan(model, Magnitude(norm="l1"), channels=0.7, scope="local")
    ```
    """

    def __init__(self, norm: str = "l2"):
        if norm not in _NORMS:
            raise ValueError(
                f"Invalid value for argument `norm`. Expected one of {_NORMS}. "
                f"Received: norm={norm!r}"
            )
        self.norm = norm

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`; `data` is not used."""
        return {group.index: self._ranking(group) for group in graph.groups if len(group.roots) > 0}

    def _ranking(self, group: Any) -> Ranking:
        roots = np.asarray(group.roots)
        sums, counts = np.zeros(len(roots)), np.zeros(len(roots))
        by_root = np.argsort(roots)
        for producer in group.producers:
            scores = self._scores(producer)
            places = np.searchsorted(roots, producer.roots, sorter=by_root)
            units = by_root[np.minimum(places, len(roots) - 1)]
            mine = roots[units] == producer.roots
            np.add.at(sums, units[mine], scores[mine])
            np.add.at(counts, units[mine], 1)
        scores = sums / np.maximum(counts, 1)
        order = np.argsort(-scores, kind="stable")
        return Ranking(roots[order], scores[order], level=-scores[order])

    def _scores(self, producer: Any) -> np.ndarray:
        """Norm per output channel over all kernels, biases left out; the layer's mean is 1."""
        total = np.zeros(len(producer.roots))
        for variable, axis in producer.weights:
            values = keras.ops.convert_to_numpy(variable).astype(np.float64)
            if values.ndim < 2:
                continue
            values = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
            total += np.sum(np.abs(values) if self.norm == "l1" else values**2, axis=1)
        scores = total if self.norm == "l1" else np.sqrt(total)
        mean = scores.mean()
        return scores / mean if mean > 0 else scores
