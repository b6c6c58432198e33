"""Diagonal Fisher information: how much the loss grows without a channel, to second order."""

from typing import Any

import numpy as np

from ccm_tf.criteria.gradient import GradientCriterion
from ccm_tf.criteria.registry import register_criterion


@register_criterion("fisher")
class Fisher(GradientCriterion):
    r"""Keeps the channels whose removal raises the loss most, to second order. Needs labels.

    At a minimum the first-order term averages to zero over samples, and the diagonal of the
    Hessian along the gate of each channel is its Fisher information, the mean square of the
    samples' derivatives:

    $$s_c = \frac{1}{2N} \sum_n \Big( \sum_{\text{pixels}} a_{nc}
    \frac{\partial L_n}{\partial a_{nc}} \Big)^2$$

    L. Theis et al., "Faster gaze prediction with dense networks and Fisher pruning" (2018,
    arXiv 1801.05787), without its term for the cost of a channel: that is what budgets are for. A
    unit seen in several feature maps (residual streams) has one gate for all of them. Derivatives
    are those of single samples, so the scores do not depend on the batch size. Cost: one forward
    and one backward pass. When to use: as `"taylor"`, of which it is the square; it gives more
    weight to the few samples that need a channel badly.

    Args:
        loss: Loss to differentiate: whatever `keras.losses.get` takes, or a list or dict of such
            like the model's outputs. Defaults to `None`: cross-entropy, from probabilities if the
            model ends in a softmax or sigmoid, from logits otherwise.
        normalization: What the scores of a group are divided by: their `"mean"`, their `"max"`, or
            `"none"`. Defaults to `"none"`, with which `ccm_tf.plan` compares groups in units of
            their mean (`scope="relative"`).
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.

    Raises:
        ValueError: If `normalization` is none of these; from `rank`, if the data has no labels or
            they do not fit the loss.

    Example:

    ```python
    plan = ccm_tf.plan(model, "fisher", (images, labels), macs=0.5)
    ```
    """

    cost = "one forward and backward pass"

    def __init__(
        self,
        loss: Any = None,
        normalization: str = "none",
        batch_size: int = 128,
        max_batches: int | None = None,
    ):
        super().__init__(loss, normalization, batch_size, max_batches)

    def importance(self, derivatives: np.ndarray) -> np.ndarray:
        """Half the squared derivatives."""
        return derivatives**2 / 2
