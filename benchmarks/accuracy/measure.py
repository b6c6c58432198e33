"""What is measured on a network: test accuracy and how redundant its channels are."""

import keras
import numpy as np

import ccm_tf
from benchmarks.accuracy.training import jit_compile
from ccm_tf.statistics.components import components_that_hold
from ccm_tf.statistics.moments import Moments
from ccm_tf.statistics.taps import feature_batches
from tasks.batches import Batches


def accuracy(model: keras.Model, batches: Batches) -> float:
    """Share of the images whose largest logit is that of their label."""
    model.compile(jit_compile=jit_compile())
    logits = model.predict(batches, verbose=0)
    return float(np.mean(np.argmax(logits, axis=-1) == batches.labels))


def redundancy(model: keras.Model, images: np.ndarray, batch_size: int = 128) -> list[dict]:
    """S over mean maps, S over samples and k90 of every feature map.

    Args:
        model: A functional model.
        images: Normalised images (N, H, W, C).
        batch_size: Images per mean map. Defaults to 128.

    Returns:
        One dict per feature map: `layer`, `channels`, `correlated` (whether CCM-loss acts on it
        where it is used), `mean_map` (mean |correlation| of the
        batch-mean maps, the diagonal included, averaged over batches), `samples` (mean
        |correlation| over all images and pixels) and `k90` (principal components of the latter
        that hold 90 %).
    """
    graph = ccm_tf.ChannelGraph(model)
    maps = graph.feature_maps
    moments = [Moments(len(feature_map.roots)) for feature_map in maps]
    mean_maps: list[list[float]] = [[] for _ in maps]
    for features in feature_batches(graph, images, maps, batch_size):
        for index, feature in enumerate(features):
            moments[index].update(feature)
            correlation = ccm_tf.channel_correlation(feature, over="mean_map")
            mean_maps[index].append(float(np.mean(np.abs(np.asarray(correlation)))))
    return [
        {
            "layer": feature_map.layer,
            "channels": int(len(feature_map.roots)),
            "correlated": bool(feature_map.conv_read),
            "mean_map": float(np.mean(values)),
            **over_samples(np.asarray(moment.correlation())),
        }
        for feature_map, moment, values in zip(maps, moments, mean_maps, strict=True)
    ]


def over_samples(correlation: np.ndarray, share: float = 0.9) -> dict:
    """S and the number of principal components that hold a share of a correlation matrix."""
    count = components_that_hold(np.linalg.eigvalsh(correlation), share)
    return {"samples": float(np.mean(np.abs(correlation))), "k90": count}
