"""Batch-norm scale: what a network itself learned to turn down."""

import warnings
from typing import Any

import keras
import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.magnitude import Magnitude
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

_FALLBACKS = ("magnitude", "keep", "error")


@register_criterion("bn_scale")
class BatchNormScale(Criterion):
    r"""Keeps the channels that batch normalisation scales up. Needs no data.

    $$s_c = |\gamma_c|$$

    for the gamma of every batch normalisation that scales channel c; a unit that several of them
    scale (residual streams, pre-activation networks) has the mean, sum or maximum. One threshold
    goes over all layers, as in "network slimming": Z. Liu et al., "Learning Efficient
    Convolutional Networks through Network Slimming" (2017, arXiv 1708.06519). Cost: the scales are
    read once. When to use: after training with an L1 penalty on gamma
    (`BatchNormalization(gamma_regularizer="l1")`), which drives scales to zero; without it scales
    say little. Channels that follow no batch normalisation with a scale need the `fallback`.

    Args:
        reduction: `"mean"`, `"sum"` or `"max"` over the scales of a unit. Defaults to `"mean"`.
        normalization: What scales are divided by, layer by layer: their `"mean"`, their `"max"`,
            or `"none"`. Defaults to `"none"`.
        fallback: What becomes of channels without a scale: `"magnitude"` ranks them by their
            kernels, brought to the mean scale of the network, with a warning; `"keep"` keeps them;
            `"error"` refuses. Defaults to `"magnitude"`.

    Raises:
        ValueError: If an argument is none of these; from `rank`, if the fallback is `"error"` and
            a group has channels without a scale.

    Example:

    ```python
    plan = ccm_tf.plan(model, "bn_scale", channels=0.5)
    plan = ccm_tf.plan(model, BatchNormScale(fallback="keep"), macs=0.5)
    ```
    """

    cost = "reads the weights"

    def __init__(
        self, reduction: str = "mean", normalization: str = "none", fallback: str = "magnitude"
    ):
        self.reduction = check_option("reduction", reduction, REDUCTIONS)
        self.normalization = check_option("normalization", normalization, NORMALIZATIONS)
        self.fallback = check_option("fallback", fallback, _FALLBACKS)

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`; `data` is not used."""
        parts = [
            (roots, normalized(scales, self.normalization)) for roots, scales in _scales(graph)
        ]
        groups = [group for group in graph.groups if len(group.roots)]
        scores = {g.index: reduced(g.roots, parts, self.reduction) for g in groups}
        without = [group for group in groups if np.isnan(scores[group.index]).any()]
        if without:
            self._fall_back(graph, without, scores)
        rankings = {}
        for group in groups:
            known = ~np.isnan(scores[group.index])
            if known.any():
                rankings[group.index] = ranked(group.roots[known], scores[group.index][known])
        return rankings

    def _fall_back(self, graph: Any, groups: list[Any], scores: dict[int, np.ndarray]) -> None:
        names = ", ".join(f"'{group.name}'" for group in groups)
        if self.fallback == "error":
            raise ValueError(
                f"No batch normalisation with a scale follows the channels of {names}. Keep these "
                "layers (`BatchNormScale(fallback='keep')`), rank them by their kernels "
                "(`fallback='magnitude'`), or choose another criterion."
            )
        if self.fallback == "keep":
            return
        warnings.warn(
            f"No batch normalisation with a scale follows the channels of {names}: they are "
            "ranked by the size of their kernels (`BatchNormScale(fallback='keep')` keeps them).",
            stacklevel=3,
        )
        known = np.concatenate(list(scores.values()))
        known = known[~np.isnan(known)]
        typical = known.mean() if len(known) else 1.0
        for group in groups:
            missing = np.isnan(scores[group.index])
            magnitudes = Magnitude(reduction=self.reduction).scores(graph, group)
            scores[group.index][missing] = typical * magnitudes[missing]


def _scales(graph: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Roots and absolute scales of every batch normalisation, shared ones once."""
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for call in graph.trace.calls:
        # What a wrapper such as `TimeDistributed` applies.
        layer = getattr(call.op, "layer", call.op)
        if not isinstance(layer, keras.layers.BatchNormalization) or layer.gamma is None:
            continue
        for weight in graph.weights_of(call.position):
            if weight.variable is layer.gamma and weight.axes[0] is not None:
                scales = np.abs(keras.ops.convert_to_numpy(layer.gamma)).astype(np.float64)
                found[id(layer.gamma)] = (graph.roots_of(weight.axes[0]), scales)
    return list(found.values())
