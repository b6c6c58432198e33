"""Optimal brain surgeon of whole channels (C-OBS)."""

from typing import Any

import numpy as np

from ccm_tf.criteria.curvature import DampedCriterion, output_rows
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.kfe.blocks import Block
from ccm_tf.kfe.factors import factors_of
from ccm_tf.kfe.layer_factors import LayerFactors
from ccm_tf.kfe.passes import PassOptions
from ccm_tf.kfe.surgeon import inverse_diagonal


@register_criterion("obs")
class OBS(DampedCriterion):
    r"""Keeps the channels whose weights the others could replace least, weight by weight.

    With the Fisher information of a layer approximated by $\Omega \otimes \Gamma$ (inputs over
    whole patches, the bias as one more input; gradients at the outputs), the cost of removing one
    weight while all others adapt is its square over the diagonal of the inverse; a channel's score
    is the sum over its weights:

    $$s_c = \sum_j \frac{W_{cj}^2}{[\Gamma^{-1}]_{cc} \, [\Omega^{-1}]_{jj}}$$

    B. Hassibi and D. Stork, "Second order derivatives for network pruning: Optimal Brain Surgeon"
    (1993), summed over channels as C-OBS of C. Wang et al., "EigenDamage" (2019, arXiv
    1905.05934). Both factors are damped by a share of their mean eigenvalue. Cost: one pass
    forward and backward, and a matrix of (taps x inputs) squared for every layer, inverted. When
    to use: with `ccm_tf.rewrite(..., fold="obs")`, in which the others do adapt.

    Args:
        labels: `"sampled"` from the prediction, or `"empirical"`. Defaults to `"sampled"`.
        loss: Loss for empirical labels. Defaults to `None`, cross-entropy.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.
        seed: Seed of the drawn labels. Defaults to 0.
        damping: Share of the mean eigenvalue added to each factor. Defaults to 0.001.

    Raises:
        ValueError: If an argument makes no sense; from `rank`, if labels are missing.

    Example:

    ```python
    plan = ccm_tf.plan(model, "obs", images, macs=0.5)
    slim = ccm_tf.rewrite(model, plan, fold="obs", data=images)
    ```
    """

    cost = "one forward and backward pass, and an inverse per layer"

    def scores(
        self, graph: Any, blocks: list[Block], data: Any, options: PassOptions
    ) -> dict[str, np.ndarray]:
        """See `CurvatureCriterion.scores`."""
        names = [block.name for block in blocks]
        factors = factors_of(graph, data, options, names, patches=True)
        return {
            block.name: obs_scores(output_rows(block), factors[block.name], self.damping)
            for block in blocks
        }


def obs_scores(rows: np.ndarray, factors: LayerFactors, damping: float) -> np.ndarray:
    """Score of every row of weights (outputs, weights)."""
    inputs = inverse_diagonal(factors.patch_omega, damping)
    return (rows**2 / inputs).sum(axis=1) / inverse_diagonal(factors.gamma, damping)
