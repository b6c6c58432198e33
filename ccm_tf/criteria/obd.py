"""Optimal brain damage of whole channels (C-OBD)."""

from typing import Any

import numpy as np

from ccm_tf.criteria.curvature import CurvatureCriterion
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.kfe.blocks import Block
from ccm_tf.kfe.fisher import squared_gradients
from ccm_tf.kfe.passes import PassOptions


@register_criterion("obd")
class OBD(CurvatureCriterion):
    r"""Keeps the channels whose weights the loss curves most along, weight by weight.

    The Fisher information of every weight is the mean square of its per-example gradient; a
    channel's score is what removing its weights and its bias costs if none of them interact:

    $$s_c = \sum_j W_{cj}^2 \, \mathbb{E}_n \big[ (\nabla W_{n,cj})^2 \big]$$

    Y. LeCun, J. Denker and S. Solla, "Optimal Brain Damage" (1990), summed over channels as C-OBD
    of C. Wang et al., "EigenDamage" (2019, arXiv 1905.05934), with gradients of single examples
    and labels drawn from the prediction. Cost: about two passes forward and backward. When to
    use: as the baseline of the three that follow the interactions of weights.

    Args:
        labels: `"sampled"` from the prediction, or `"empirical"`. Defaults to `"sampled"`.
        loss: Loss for empirical labels. Defaults to `None`, cross-entropy.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.
        seed: Seed of the drawn labels. Defaults to 0.

    Raises:
        ValueError: If an argument makes no sense; from `rank`, if labels are missing.

    Example:

    ```python
    plan = ccm_tf.plan(model, "obd", images, macs=0.5)
    ```
    """

    cost = "about two forward and backward passes"

    def scores(
        self, graph: Any, blocks: list[Block], data: Any, options: PassOptions
    ) -> dict[str, np.ndarray]:
        """See `CurvatureCriterion.scores`."""
        squares = squared_gradients(graph, blocks, data, options)
        return {block.name: _score(block, *squares[block.name]) for block in blocks}


def _score(block: Block, kernel: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    total = (block.kernel() ** 2 * kernel).sum(axis=(0, 1))
    if bias is not None:
        total += np.asarray(block.op.bias, np.float64) ** 2 * bias
    return total
