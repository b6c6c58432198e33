"""Correlation matrices of some layers, before and after."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from ccm_tf.graph import ChannelGraph, FeatureMap
from ccm_tf.statistics.components import components_that_hold
from ccm_tf.statistics.moments import Moments
from ccm_tf.statistics.taps import feature_batches

# Layers in the report: enough to see the trend from early to late.
_LAYERS = 6


@dataclasses.dataclass(frozen=True)
class Correlation:
    """Channel correlation of one layer over images and pixels.

    Attributes:
        layer: Name of the layer whose output it is.
        matrix: float64 array (C, C); channels in an order that shows blocks.
        mean_abs: Mean of the absolute values, diagonal included: S over samples.
        components: Principal components that hold 90 % of the variance.
    """

    layer: str
    matrix: np.ndarray
    mean_abs: float
    components: int

    def numbers(self) -> dict[str, float]:
        """What report.json says of it."""
        return {
            "channels": len(self.matrix),
            "mean_abs": self.mean_abs,
            "components": self.components,
        }


# The same layer before and after.
Pair = tuple[Correlation, Correlation]


def correlation_pairs(before: keras.Model, after: keras.Model, images: Sequence[Any]) -> list[Pair]:
    """Correlation matrices of layers that two models share, spread from the first to the last.

    Args:
        before: A model.
        after: What became of it.
        images: Batches to look at; they are read twice.

    Returns:
        At most six pairs.
    """
    maps = [_maps(ChannelGraph(model)) for model in (before, after)]
    names = [name for name in maps[0][1] if name in maps[1][1]]
    chosen = [names[i] for i in _spread(len(names), _LAYERS)]
    if not chosen:
        return []
    found = [_matrices(graph, [table[n] for n in chosen], images) for graph, table in maps]
    return list(zip(*found, strict=True))


def as_values(pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    """What report.json says of some pairs."""
    return [
        {"layer": before.layer, "before": before.numbers(), "after": after.numbers()}
        for before, after in pairs
    ]


def _maps(graph: ChannelGraph) -> tuple[ChannelGraph, dict[str, FeatureMap]]:
    """Feature maps by layer: what convolutions read, or whatever there is."""
    maps = [m for m in graph.feature_maps if m.conv_read] or list(graph.feature_maps)
    return graph, {m.layer: m for m in maps}


def _matrices(graph: ChannelGraph, maps: list[FeatureMap], images: Any) -> list[Correlation]:
    moments = [Moments(len(m.roots)) for m in maps]
    for features in feature_batches(graph, images, maps):
        for moment, feature in zip(moments, features, strict=True):
            moment.update(feature)
    return [_described(m.layer, s.correlation()) for m, s in zip(maps, moments, strict=True)]


def _described(layer: str, matrix: np.ndarray) -> Correlation:
    values, vectors = np.linalg.eigh(matrix)
    order = np.argsort(-vectors[:, -1])
    return Correlation(
        layer,
        matrix[np.ix_(order, order)],
        float(np.abs(matrix).mean()),
        components_that_hold(values),
    )


def _spread(count: int, wanted: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, wanted))})
