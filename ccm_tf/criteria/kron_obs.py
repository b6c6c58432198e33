"""Optimal brain surgeon with Kronecker factors (Kron-OBS)."""

from typing import Any

import numpy as np

from ccm_tf.criteria.curvature import DampedCriterion
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.kfe.blocks import Block
from ccm_tf.kfe.energy import output_energies
from ccm_tf.kfe.passes import PassOptions
from ccm_tf.kfe.surgeon import inverse_diagonal


@register_criterion("kron_obs")
class KronOBS(DampedCriterion):
    r"""Keeps the channels whose removal costs most even if the others take over.

    As Kron-OBD, but the other channels of the layer adapt so that the loss rises least:

    $$s_c = \frac{w_c^\top \Omega \, w_c}{[\Gamma^{-1}]_{cc}}
    = \frac{\mathbb{E}_n \big[ \sum_t z_{n,t,c}^2 \big]}{[\Gamma^{-1}]_{cc}}$$

    with the channel's pre-activation z, so that no patches are needed. Kron-OBS of C. Wang et al.,
    "EigenDamage" (2019, arXiv 1905.05934), with the quadratic form as it should be and the gradient
    factor damped by a share of its mean eigenvalue. Cost: one pass forward and backward. When to
    use: with `ccm_tf.rewrite(..., fold="obs")`, in which the others do adapt, jointly for all
    channels that go.

    Args:
        labels: `"sampled"` from the prediction, or `"empirical"`. Defaults to `"sampled"`.
        loss: Loss for empirical labels. Defaults to `None`, cross-entropy.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.
        seed: Seed of the drawn labels. Defaults to 0.
        damping: Share of the mean eigenvalue added to the factor. Defaults to 0.001.

    Raises:
        ValueError: If an argument makes no sense; from `rank`, if labels are missing.

    Example:

    ```python
    plan = ccm_tf.plan(model, "kron_obs", images, macs=0.5)
    slim = ccm_tf.rewrite(model, plan, fold="obs", data=images)
    ```
    """

    cost = "one forward and backward pass"

    def scores(
        self, graph: Any, blocks: list[Block], data: Any, options: PassOptions
    ) -> dict[str, np.ndarray]:
        """See `CurvatureCriterion.scores`."""
        found = output_energies(graph, blocks, data, options)
        return {
            name: energy / inverse_diagonal(gamma, self.damping)
            for name, (energy, gamma) in found.items()
        }
