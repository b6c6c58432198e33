"""Correlation matrices of some layers, before and after."""

import dataclasses

import keras
import numpy as np

import ccm_tf
from ccm_tf.statistics.moments import Moments
from ccm_tf.statistics.taps import feature_batches
from tasks.job import Job

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


def correlations(job: Job, name: str, images) -> list[Correlation]:
    """Correlation matrices of a network's pruned layers, spread from the first to the last.

    Args:
        job: The run.
        name: "dense", "pruned" or "finetuned".
        images: Batches to look at.

    Returns:
        At most six matrices, of the same layers for every network of a run.
    """
    model = keras.saving.load_model(job.path(f"{name}.keras"), compile=False)
    graph = ccm_tf.ChannelGraph(model)
    maps = [m for m in graph.feature_maps if m.conv_read]
    chosen = [maps[i] for i in _spread(len(maps), _LAYERS)]
    moments = [Moments(len(m.roots)) for m in chosen]
    for features in feature_batches(graph, images, chosen):
        for moment, feature in zip(moments, features, strict=True):
            moment.update(feature)
    return [_described(m.layer, s.correlation()) for m, s in zip(chosen, moments, strict=True)]


def _described(layer: str, matrix: np.ndarray) -> Correlation:
    values, vectors = np.linalg.eigh(matrix)
    shares = np.cumsum(values[::-1]) / max(values.sum(), 1e-12)
    order = np.argsort(-vectors[:, -1])
    return Correlation(
        layer,
        matrix[np.ix_(order, order)],
        float(np.abs(matrix).mean()),
        int(np.count_nonzero(shares < 0.9)) + 1,
    )


def _spread(count: int, wanted: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, wanted))})
