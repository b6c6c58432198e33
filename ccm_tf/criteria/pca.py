"""Principal components: how many channels a group needs, and which ones span the others."""

from typing import Any

import numpy as np

from ccm_tf.criteria.deflation import Deflation
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.criteria.second_moments import MomentsCriterion
from ccm_tf.criteria.streaming import Seen, View

# A channel of which less than this fraction of its variance is left is explained by the others.
_EXPLAINED = 1e-10
# Lengths of columns are computed afresh when the longest has shrunk by this factor.
_REFRESH = 0.1


@register_criterion("pca")
class PCA(MomentsCriterion):
    r"""Keeps as many channels as there are principal components worth keeping.

    **How many.** With the eigenvalues $l_1 \ge \dots \ge l_C$ of the channels' correlation matrix
    over all samples and pixels, k is the smallest number with
    $(l_1 + \dots + l_k) / \sum_j l_j > \text{energy}$.

    **Which.** Components are mixtures, channels are not: the k channels that explain most of the
    total variance by linear regression are picked greedily. With R the part of the matrix that the
    channels picked so far leave unexplained, the next is
    $\arg\max_j \sum_i R_{ij}^2 / R_{jj}$, after which $R \leftarrow R - R_{:j} R_{j:} / R_{jj}$.
    Of two equal channels one is picked early and the other last; dead channels come after all.

    Units that are coupled (residual streams) share one matrix: the average of the correlations, or
    the sum of the covariances, over the feature maps in which they appear. Memory is O(C^2).
    When to use: for networks whose channels repeat each other, as after training with CCM-loss; an
    energy then gives every layer the width that it needs.

    The PCA-based selection that goes with CCM-loss: "Filter Pruning For CNN With Enhanced Linear
    Representation Redundancy" (arXiv 2310.06344). The code published with that paper selects by
    channel independence instead (criterion `"independence"`); the greedy choice of channels is
    this library's.

    Args:
        matrix: `"correlation"` weighs all channels alike; `"covariance"` weighs them by their
            variance, so that weak channels go first. Defaults to `"correlation"`.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.

    Raises:
        ValueError: If `matrix` is neither; in `rank`, if there are fewer samples (images x pixels)
            than a group has channels, since no component beyond the number of samples can show.

    Example:

    ```python
    plan = ccm_tf.plan(model, "pca", images, energy=0.9)
    plan = ccm_tf.plan(model, PCA(matrix="covariance"), images, macs=0.5)
    ```
    """

    cost = "one forward pass, C^3 per group"

    def __init__(
        self, matrix: str = "correlation", batch_size: int = 128, max_batches: int | None = None
    ):
        super().__init__(matrix, batch_size, max_batches)

    needs_full_rank = True

    def finish(self, group: Seen, observed: list[tuple[View, Any]]) -> Ranking:
        """Eigenvalues as scores, the greedy subset as order."""
        matrix = self.matrix_of(group, observed)
        values = np.maximum(np.linalg.eigvalsh(matrix)[::-1], 0)
        values[values < values[0] * len(values) * np.finfo(float).eps] = 0
        order, explained = select_channels(matrix)
        return Ranking(
            group.roots[order],
            values,
            details={"eigenvalues": values, "explained": explained},
        )


def select_channels(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orders channels so that every prefix explains much of the total variance.

    Greedy forward selection with deflation, O(C^3) in all.

    Args:
        matrix: Covariance or correlation matrix (C, C), positive semidefinite.

    Returns:
        `order`, a permutation of the channels, and `explained`, (C,): the share of the total
        variance that the first j + 1 channels explain by linear regression (ones if there is no
        variance at all).
    """
    residual = Deflation(matrix)
    variance = residual.diagonal.copy()
    total = variance.sum()
    order = np.empty(len(variance), np.int64)
    explained = np.ones(len(variance))
    open_ = variance > 0
    # Channels that are left over when everything is explained: the largest first, dead ones last.
    rest = np.argsort(-variance, kind="stable")
    squares = residual.squares()
    worst = squares.max(initial=0.0)
    for place in range(len(variance)):
        left = residual.diagonal
        open_ &= left > _EXPLAINED * variance
        if not np.any(open_):
            taken = np.isin(rest, order[:place])
            order[place:] = rest[~taken]
            break
        gain = np.divide(squares, left, out=np.full(len(left), -1.0), where=open_)
        chosen = int(np.argmax(gain))
        order[place] = chosen
        open_[chosen] = False
        column = residual.column(chosen) / np.sqrt(left[chosen])
        squares += column * (column * (column @ column) - 2 * residual.times(column))
        if residual.subtract(column) or squares.max() < _REFRESH * worst:
            # Differences of large numbers: count anew before it matters.
            squares = residual.squares()
            worst = squares.max()
        explained[place] = 1 - np.maximum(residual.diagonal, 0).sum() / total
    return order, np.clip(explained, 0, 1)
