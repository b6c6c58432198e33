"""First-order Taylor expansion: how much the loss changes when a channel is turned off."""

from typing import Any

import keras
import numpy as np

from ccm_tf.criteria.gradient import GradientCriterion
from ccm_tf.criteria.kernels import Made, made_weights
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import check_option, normalized, ranked, reduced
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.statistics.gradients import weight_gradients

_PLACES = ("features", "weights")


@register_criterion("taylor")
class Taylor(GradientCriterion):
    r"""Keeps the channels whose removal changes the loss most, to first order. Needs labels.

    On feature maps, for each sample n,

    $$s_c = \operatorname{mean}_n \Big| \sum_{\text{pixels}} a_{nc}
    \frac{\partial L_n}{\partial a_{nc}} \Big|$$

    which is the derivative along a gate that turns the channel off; a residual stream has one gate
    for all the feature maps in which it is seen. On weights, for each batch b,

    $$s_c = \operatorname{mean}_b \Big| \sum_{w \in W_c} w \frac{\partial L_b}{\partial w} \Big|$$

    over all kernels and biases that make the channel, in any layer. P. Molchanov et al.,
    "Importance Estimation for Neural Network Pruning" (2019, arXiv 1906.10771). Scores are changes
    of the loss, so they compare between layers as they are. Cost: one forward and one backward
    pass. When to use: with labels, for a network that is trained but not to a loss of zero, where
    all gradients vanish. On weights it also ranks channels that no feature map shows, but depends
    on the batch size, because gradients of samples with opposite signs cancel within a batch.

    Args:
        of: `"features"` or `"weights"`. Defaults to `"features"`.
        loss: Loss to differentiate: whatever `keras.losses.get` takes, or a list or dict of such
            like the model's outputs. Defaults to `None`: cross-entropy, from probabilities if the
            model ends in a softmax or sigmoid, from logits otherwise.
        normalization: What the scores of a group are divided by: their `"mean"`, their `"max"`, or
            `"none"`. Defaults to `"none"`, with which `ccm_tf.plan` compares groups in units of
            their mean (`scope="relative"`).
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.

    Raises:
        ValueError: If `of` or `normalization` is none of these; from `rank`, if the data has no
            labels or they do not fit the loss.

    Example:

    ```python
    plan = ccm_tf.plan(model, "taylor", (images, labels), macs=0.5)
    plan = ccm_tf.plan(model, Taylor(loss="mean_squared_error"), dataset, macs=0.5)
    ```
    """

    cost = "one forward and backward pass"

    def __init__(
        self,
        of: str = "features",
        loss: Any = None,
        normalization: str = "none",
        batch_size: int = 128,
        max_batches: int | None = None,
    ):
        super().__init__(loss, normalization, batch_size, max_batches)
        self.of = check_option("of", of, _PLACES)

    def importance(self, derivatives: np.ndarray) -> np.ndarray:
        """Absolute derivatives."""
        return np.abs(derivatives)

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`; `data` holds labels."""
        if self.of == "features":
            return super().rank(graph, data, verbose)
        self.check_data(data)
        groups = [group for group in graph.groups if len(group.roots)]
        made = [[m for layer in made_weights(graph, group) for m in layer] for group in groups]
        flat = [one for several in made for one in several]
        if not flat:
            return {}
        values = [keras.ops.convert_to_numpy(one.variable) for one in flat]
        variables = [one.variable for one in flat]
        sums, samples = [np.zeros(len(group.roots)) for group in groups], 0
        for size, found in weight_gradients(graph, data, variables, **self.options(verbose)):
            changes = iter([v.astype(np.float64) * g for v, g in zip(values, found, strict=True)])
            for group, several, total in zip(groups, made, sums, strict=True):
                total += size * np.abs(_summed(group, [(m, next(changes)) for m in several]))
            samples += size
        return {
            group.index: ranked(group.roots, normalized(total / samples, self.normalization))
            for group, total in zip(groups, sums, strict=True)
        }


def _summed(group: Any, changes: list[tuple[Made, np.ndarray]]) -> np.ndarray:
    """Changes of the loss per unit, over all the weights that make it."""
    parts = [(made.roots, made.rows(change).sum(axis=1)) for made, change in changes]
    return np.nan_to_num(reduced(group.roots, parts, "sum"))
