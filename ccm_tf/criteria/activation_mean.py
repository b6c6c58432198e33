"""Mean activation: how strongly a channel responds."""

from typing import Any

import numpy as np

from ccm_tf.criteria.averages import AverageCriterion
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import ranked
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.criteria.streaming import Seen, View


@register_criterion("activation_mean")
class ActivationMean(AverageCriterion):
    r"""Keeps the channels with the strongest responses.

    $$s_c = \frac{m_c}{\operatorname{mean}_j m_j}, \qquad
    m_c = \operatorname{mean}_{\text{samples, pixels}} |a_c|$$

    where a is the feature map that the next layer reads. One of the criteria that P. Molchanov
    et al. compare in "Pruning Convolutional Neural Networks for Resource Efficient Inference"
    (2016, arXiv 1611.06440). A unit seen in several feature maps (residual streams) has the mean,
    sum or maximum of their scores. Cost: one forward pass. When to use: as a cheap baseline for
    networks with any activation; it overrates channels that are always on.

    Args:
        reduction: `"mean"`, `"sum"` or `"max"` over the places where a unit is seen. Defaults to
            `"mean"`.
        normalization: What means are divided by, feature map by feature map: their `"mean"`, their
            `"max"`, or `"none"`. Defaults to `"mean"`.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.

    Raises:
        ValueError: If `reduction` or `normalization` is none of these.

    Example:

    ```python
    plan = ccm_tf.plan(model, "activation_mean", images, macs=0.5)
    ```
    """

    cost = "one forward pass"

    def __init__(
        self,
        reduction: str = "mean",
        normalization: str = "mean",
        batch_size: int = 128,
        max_batches: int | None = None,
    ):
        super().__init__(reduction, normalization, batch_size, max_batches)

    def measure(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Sums of absolute values."""
        return {"absolute": np.abs(values).sum(axis=0, dtype=np.float64)}

    def finish(self, group: Seen, observed: list[tuple[View, Any]]) -> Ranking:
        """Mean absolute activations, largest first."""
        return ranked(group.roots, self.scores("absolute", group, observed, self.normalization))
