"""Average percentage of zeros: which channels are hardly ever on."""

from typing import Any

import numpy as np

from ccm_tf.criteria.averages import AverageCriterion
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import ranked
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.criteria.streaming import Seen, View


@register_criterion("apoz")
class APoZ(AverageCriterion):
    r"""Keeps the channels that are rarely zero.

    $$s_c = 1 - \text{APoZ}(c), \qquad
    \text{APoZ}(c) = \operatorname{mean}_{\text{samples, pixels}} [a_c = 0]$$

    where a is the feature map that the next layer reads. H. Hu et al., "Network Trimming: A
    Data-Driven Neuron Pruning Approach towards Efficient Deep Architectures" (2016,
    arXiv 1607.03250). Channels with equally many zeros are ordered by their mean absolute
    activation. A unit seen in several feature maps (residual streams) has the mean, sum or maximum
    of their scores. Cost: one forward pass. When to use: with ReLU. Activations that are never
    exactly zero (swish, GELU) make every channel equal, and what is left is the order of
    `"activation_mean"`; max-pooling hides zeros.

    Args:
        reduction: `"mean"`, `"sum"` or `"max"` over the places where a unit is seen. Defaults to
            `"mean"`.
        normalization: What shares are divided by, feature map by feature map: their `"mean"`,
            their `"max"`, or `"none"`. Defaults to `"none"`: shares compare as they are.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.

    Raises:
        ValueError: If `reduction` or `normalization` is none of these.

    Example:

    ```python
    plan = ccm_tf.plan(model, "apoz", images, macs=0.5)
    ```
    """

    cost = "one forward pass"

    def __init__(
        self,
        reduction: str = "mean",
        normalization: str = "none",
        batch_size: int = 128,
        max_batches: int | None = None,
    ):
        super().__init__(reduction, normalization, batch_size, max_batches)

    def measure(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Numbers of values that are not zero, and sums of absolute values."""
        return {
            "active": np.count_nonzero(values, axis=0).astype(np.float64),
            "absolute": np.abs(values).sum(axis=0, dtype=np.float64),
        }

    def finish(self, group: Seen, observed: list[tuple[View, Any]]) -> Ranking:
        """Shares of values that are not zero, largest first."""
        return ranked(
            group.roots,
            self.scores("active", group, observed, self.normalization),
            ties=self.scores("absolute", group, observed, "mean"),
        )
