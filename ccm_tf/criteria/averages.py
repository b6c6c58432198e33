"""Criteria that average something over the values of every channel."""

import abc
from typing import Any

import numpy as np

from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import NORMALIZATIONS, REDUCTIONS, check_option, normalized, reduced
from ccm_tf.criteria.streaming import Seen, StreamingCriterion, View


class AverageCriterion(StreamingCriterion):
    """A criterion whose scores come from averages over samples and pixels.

    Subclasses implement `measure` and `finish`, which `scores` helps.

    Args:
        reduction: `"mean"`, `"sum"` or `"max"` over the places where a unit is seen.
        normalization: What averages are divided by, feature map by feature map: `"mean"`, `"max"`
            or `"none"`.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.
    """

    def __init__(
        self,
        reduction: str,
        normalization: str,
        batch_size: int = 128,
        max_batches: int | None = None,
    ):
        super().__init__(batch_size, max_batches)
        self.reduction = check_option("reduction", reduction, REDUCTIONS)
        self.normalization = check_option("normalization", normalization, NORMALIZATIONS)

    @abc.abstractmethod
    def measure(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """What to average, by name.

        Args:
            values: Array (N, C): samples and pixels by channels.

        Returns:
            Per name the sums over the N values of each channel, (C,), float64.
        """

    @abc.abstractmethod
    def finish(self, group: Seen, observed: list[tuple[View, Any]]) -> Ranking:
        """See `StreamingCriterion.finish`."""

    def start(self, channels: int, views: list[View]) -> dict[str, Any]:
        """Sums by name, and their number of values."""
        return {"sums": {}, "count": 0}

    def update(self, statistics: dict[str, Any], features: np.ndarray) -> None:
        """Adds one batch."""
        values = features.reshape(-1, features.shape[-1])
        for name, sums in self.measure(values).items():
            statistics["sums"][name] = statistics["sums"].get(name, 0.0) + sums
        statistics["count"] += len(values)

    def scores(
        self, name: str, group: Seen, observed: list[tuple[View, Any]], normalization: str
    ) -> np.ndarray:
        """Averages of one name per unit of a group, reduced over its views."""
        parts = []
        for view, statistics in observed:
            averages = statistics["sums"][name] / statistics["count"]
            averages = normalized(averages, normalization)
            parts.append((group.roots[view.units], averages[view.positions]))
        return reduced(group.roots, parts, self.reduction)
