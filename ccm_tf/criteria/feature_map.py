"""Size of a layer's own feature maps, and a cut at a share of the largest."""

from typing import Any

import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.kernels import channel_kernels
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import check_option, normalized, reduced
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.graph.group import FeatureMap as Map
from ccm_tf.statistics.accumulate import accumulated
from ccm_tf.statistics.taps import feature_batches

_MEASURES = ("abs_mean", "batch_mean_abs")
_THRESHOLDS = ("fixed", "relative")
_SELECTIONS = ("importance", "weight_l1")
# A score at the threshold goes: importances have to exceed it.
_STRICT = 1e-12


@register_criterion("feature_map")
class FeatureMapCriterion(Criterion):
    r"""Keeps the channels whose own feature maps are large compared with their layer's largest.

    $$s_c = \frac{u_c}{\max_j u_j}, \qquad
    u_c = \sum_{\text{pixels}} \operatorname{mean}_{\text{samples}} |a_c|
    \quad\text{or}\quad \sum_{\text{pixels}} |\operatorname{mean}_{\text{samples}} a_c|$$

    where a is what the layer itself puts out, before normalisation and activation. `energy=0.9`
    keeps the channels with $s_c > 0.1$ and so lets each layer find its width: `energy` is 1 less
    the threshold. With `thresholds="relative"` the threshold is a share of the layer's mean score
    instead. The pruning rule of Chang, Lu, Xue, Xu and Wei, "AIP: Adversarial Iterative Pruning
    Based on Knowledge Transfer for Convolutional Neural Networks" (2021, arXiv 2108.13591). Cost:
    one forward pass. When to use: in rounds with recovery between them (`ccm_tf.iterate`).

    Args:
        measure: `"abs_mean"`, or `"batch_mean_abs"` as published, in which responses of opposite
            sign cancel. Defaults to `"abs_mean"`.
        thresholds: `"fixed"` or `"relative"`. Defaults to `"fixed"`.
        select: Which channels stay once their number is known: those of the largest
            `"importance"`, or those of the largest kernels, `"weight_l1"`, as published. Defaults
            to `"importance"`.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to 1, as published.

    Raises:
        ValueError: If an option is none of these.

    Example:

    ```python
    plan = ccm_tf.plan(model, "feature_map", images, energy=0.9)
    ```
    """

    needs_data = True
    cost = "one forward pass of one batch"

    def __init__(
        self,
        measure: str = "abs_mean",
        thresholds: str = "fixed",
        select: str = "importance",
        batch_size: int = 128,
        max_batches: int | None = 1,
    ):
        self.measure = check_option("measure", measure, _MEASURES)
        self.thresholds = check_option("thresholds", thresholds, _THRESHOLDS)
        self.select = check_option("select", select, _SELECTIONS)
        self.batch_size = batch_size
        self.max_batches = max_batches

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`."""
        self.check_data(data)
        groups = [group for group in graph.groups if len(group.roots)]
        maps = [_own_maps(graph, group) for group in groups]
        flat = [one for found in maps for one in found]
        if not flat:
            return {}
        importance = iter(self._importances(graph, data, flat, verbose))
        rankings = {}
        for group, found in zip(groups, maps, strict=True):
            parts = [(one.roots, next(importance)) for one in found]
            scores = reduced(group.roots, parts, "mean")
            # Units that no output shows, such as heads of attention, are not ranked: they stay.
            seen = ~np.isnan(scores)
            if seen.any():
                rankings[group.index] = self._ranking(graph, group, group.roots[seen], scores[seen])
        return rankings

    def _importances(self, graph, data, maps, verbose) -> list[np.ndarray]:
        """Score of every channel of every map, at most 1."""
        signed = self.measure == "batch_mean_abs"

        def update(sums: list[Any], batch: list[np.ndarray]) -> None:
            for place, features in enumerate(batch):
                values = features if signed else np.abs(features)
                sums[place] = sums[place] + values.sum(axis=0, dtype=np.float64)

        sums: list[Any] = accumulated(
            data,
            lambda part: feature_batches(
                graph, part, maps, self.batch_size, self.max_batches, verbose
            ),
            lambda: [0.0] * len(maps),
            update,
        )
        return [
            normalized(np.abs(total).reshape(-1, total.shape[-1]).sum(axis=0), "max")
            for total in sums
        ]

    def _ranking(self, graph: Any, group: Any, roots: np.ndarray, scores: np.ndarray) -> Ranking:
        order = np.argsort(-scores, kind="stable")
        sorted_scores = scores[order]
        share = sorted_scores
        if self.thresholds == "relative":
            share = np.minimum(normalized(scores, "mean")[order], 1.0)
        shares = np.clip(1.0 - share + _STRICT * (share < 1), 0.0, 1.0)
        if self.select == "weight_l1":
            rows = [
                (channels, np.abs(kernel).sum(axis=1))
                for channels, kernel in channel_kernels(graph, group)
            ]
            order = np.argsort(-np.nan_to_num(reduced(roots, rows, "mean")), kind="stable")
        return Ranking(
            roots[order],
            sorted_scores,
            level=-sorted_scores,
            shares=shares,
            details={"importance": scores[order]},
        )


def _own_maps(graph: Any, group: Any) -> list[Map]:
    """What the layers that make a group's channels put out themselves."""
    names = {producer.name for producer in group.producers}
    found = []
    for call in graph.trace.calls:
        channels = graph.channels_of(call.outputs[0]) if call.name in names else None
        if channels is not None:
            roots = graph.roots_of(channels.labels)
            found.append(Map(call.outputs[0], call.name, roots, channels.axis, True))
    return found
