"""Criteria that look at how the channels of a group vary together."""

import abc
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import check_option
from ccm_tf.criteria.streaming import Seen, StreamingCriterion, View
from ccm_tf.statistics.batches import sample_count
from ccm_tf.statistics.moments import Moments

_MATRICES = ("correlation", "covariance")


class MomentsCriterion(StreamingCriterion):
    """A criterion that needs the correlation or covariance matrix of each group.

    Units that are coupled (residual streams) share one matrix: the average of the correlations, or
    the sum of the covariances, over the feature maps in which they appear. Memory is O(C^2).

    Args:
        matrix: `"correlation"` or `"covariance"`.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.
    """

    def __init__(self, matrix: str, batch_size: int = 128, max_batches: int | None = None):
        super().__init__(batch_size, max_batches)
        self.matrix = check_option("matrix", matrix, _MATRICES)

    # Whether fewer samples than channels are an error; otherwise they are a warning.
    needs_full_rank = False

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`; too few samples are noticed before the pass where it is known."""
        samples = sample_count(data, self.batch_size, self.max_batches)
        if samples is not None:
            self.check_samples(graph, samples)
        return super().rank(graph, data, verbose)

    def images_needed(self, graph: Any) -> int:
        """See `Criterion.images_needed`."""
        return max((images for _, _, images in self._needs(graph)), default=1)

    def _needs(self, graph: Any) -> Iterator[tuple[Any, int, int]]:
        """Groups that are seen, pixels of their largest map, and images that they need."""
        for group in graph.groups if self.needs_full_rank else ():
            pixels = max((_pixels(m) for m in group.feature_maps), default=0)
            if len(group.roots) and pixels:
                yield group, pixels, -(-len(group.roots) // pixels)

    def check_samples(self, graph: Any, samples: int) -> None:
        """See `Criterion.check_samples`: images times pixels must reach the channels."""
        most = max(self._needs(graph), key=lambda need: need[2], default=None)
        if most is None or samples >= most[2]:
            return
        group, pixels, images = most
        channels = len(group.roots)
        raise ValueError(
            f"The {channels} channels of group '{group.name}' need at least {channels} samples "
            f"for criterion '{self.name}', which {images} images have (x {pixels} pixels of its "
            f"feature map). Received: {samples} images. Pass more images, or take a criterion "
            "that asks for fewer, such as 'magnitude'."
        )

    @abc.abstractmethod
    def finish(self, group: Seen, observed: list[tuple[View, Any]]) -> Ranking:
        """See `StreamingCriterion.finish`; `matrix_of` gives the matrix."""

    def start(self, channels: int, views: list[View]) -> list[tuple[View, Moments]]:
        """Moments of the channels of each view."""
        return [(view, Moments(len(view.units))) for view in views]

    def update(self, statistics: list[tuple[View, Moments]], features: np.ndarray) -> None:
        """Adds one batch to the moments."""
        for view, moments in statistics:
            whole = len(view.positions) == features.shape[-1]
            moments.update(features if whole else features[..., view.positions])

    def matrix_of(self, group: Seen, observed: list[tuple[View, Any]]) -> np.ndarray:
        """The matrix of a group's units, (C, C); rows of dead units are zero.

        Raises:
            ValueError: If there are fewer than two samples.
        """
        parts = [
            (view.units, moments)
            for view, statistics in observed
            for known, moments in statistics
            if known is view
        ]
        _check_counted(group, max(m.count for _, m in parts), self.needs_full_rank)
        size = len(group.roots)
        total = np.zeros((size, size))
        for units, moments in parts:
            if self.matrix == "correlation":
                total[np.ix_(units, units)] += moments.correlation()
            else:
                total[np.ix_(units, units)] += moments.covariance()
        if self.matrix == "covariance":
            return total
        # The diagonal counts the maps in which a channel is alive.
        diagonal = np.sqrt(np.diag(total))
        inverse = np.divide(1, diagonal, out=np.zeros(size), where=diagonal > 0)
        return total * inverse[:, None] * inverse


def _pixels(feature_map: Any) -> int:
    """Samples that one image is for a feature map; unknown sizes count once."""
    shape = feature_map.tensor.shape
    axes = set(range(1, len(shape))) - {feature_map.axis % len(shape)}
    return math.prod(shape[axis] or 1 for axis in axes)


def _check_counted(group: Seen, samples: int, full: bool) -> None:
    channels = len(group.roots)
    if samples < (channels if full else 2):
        raise ValueError(
            f"The correlations of the {channels} channels of group '{group.name}' need at least "
            f"{channels if full else 2} samples (images x pixels), better more. Received: "
            f"{samples}. Pass more images, or take a criterion that asks for fewer, such as "
            "'magnitude'."
        )
    if samples < channels:
        warnings.warn(
            f"Group '{group.name}' has {channels} channels but only {samples} samples (images x "
            f"pixels): at most {samples - 1} components can show. Pass more images.",
            stacklevel=3,
        )
