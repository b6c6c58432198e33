"""Optimal brain damage with Kronecker factors (Kron-OBD)."""

from typing import Any

import numpy as np

from ccm_tf.criteria.curvature import CurvatureCriterion
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.kfe.blocks import Block
from ccm_tf.kfe.energy import output_energies
from ccm_tf.kfe.passes import PassOptions


@register_criterion("kron_obd")
class KronOBD(CurvatureCriterion):
    r"""Keeps the channels that carry most signal where the loss is most sensitive.

    With the Fisher information of a layer approximated by $\Omega \otimes \Gamma$, the cost of
    removing all weights $w_c$ of a channel at once, with their interactions:

    $$s_c = \Gamma_{cc} \, w_c^\top \Omega \, w_c
    = \Gamma_{cc} \, \mathbb{E}_n \Big[ \sum_t z_{n,t,c}^2 \Big]$$

    The right-hand side, with the channel's pre-activation z, needs no patches and no large matrix.
    Kron-OBD of C. Wang et al., "EigenDamage" (2019, arXiv 1905.05934); their published code squares
    the weights before the quadratic form, which is another number. Cost: one pass forward and
    backward. When to use: the cheapest of the four; scores compare between layers.

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
    plan = ccm_tf.plan(model, "kron_obd", images, macs=0.5)
    ```
    """

    cost = "one forward and backward pass"

    def scores(
        self, graph: Any, blocks: list[Block], data: Any, options: PassOptions
    ) -> dict[str, np.ndarray]:
        """See `CurvatureCriterion.scores`."""
        found = output_energies(graph, blocks, data, options)
        return {name: energy * np.diag(gamma) for name, (energy, gamma) in found.items()}
