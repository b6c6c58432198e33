"""Correlation redundancy: drop, again and again, the channel that the rest explains best."""

from typing import Any

import numpy as np

from ccm_tf.criteria.deflation import Deflation
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.criteria.second_moments import MomentsCriterion
from ccm_tf.criteria.streaming import Seen, View

# Added to every variance, as a share of the mean one, so that duplicates have an inverse.
_NOISE = 1e-8
# What is unexplained by less than so many times the noise is explained.
_EXPLAINED = 100
# Loss of digits after which the inverse is computed anew.
_REFRESH = 1e-3
_EQUAL = 1e-6


@register_criterion("correlation")
class Correlation(MomentsCriterion):
    r"""Drops, one after the other, the channel that the remaining ones explain best.

    Backward elimination: with R the correlation matrix of the channels that are left, over all
    samples and pixels, the share of channel c's variance that linear regression on the others
    leaves unexplained is

    $$u_c = \frac{1}{(R^{-1})_{cc}} = \frac{1}{\text{VIF}(c)}$$

    and the channel with the smallest goes (the largest variance inflation factor; D. Belsley,
    E. Kuh, R. Welsch, "Regression Diagnostics", 1980). Its score is the share at the moment when
    it goes, which never falls from one step to the next: a global threshold drops the channels of
    all layers that are redundant beyond the same degree. Exact duplicates and dead channels score
    0 and go first. An `energy` is the share of the total variance that the channels kept explain.

    Units that are coupled (residual streams) share one matrix, see `"pca"`, which picks channels
    forwards by how much they explain; this goes backwards by how little is lost. Cost: one forward
    pass and O(C^3) per group, by downdates of the inverse. When to use: for networks made redundant
    on purpose (CCM-loss), together with folding, which puts what the others explain back into the
    next layer.

    Args:
        matrix: `"correlation"` weighs all channels alike; `"covariance"` drops the channel whose
            unexplained variance is smallest, relative to the mean variance of the group, so that
            weak channels go early too. Defaults to `"correlation"`.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.

    Raises:
        ValueError: If `matrix` is neither.

    Example:

    ```python
    plan = ccm_tf.plan(model, "correlation", images, macs=0.5)
    plan = ccm_tf.plan(model, "correlation", images, energy=0.99)
    ```
    """

    cost = "one forward pass, C^3 per group"

    def __init__(
        self, matrix: str = "correlation", batch_size: int = 128, max_batches: int | None = None
    ):
        super().__init__(matrix, batch_size, max_batches)

    def finish(self, group: Seen, observed: list[tuple[View, Any]]) -> Ranking:
        """Unexplained shares, in the reverse order of elimination."""
        matrix = self.matrix_of(group, observed)
        variance = np.diag(matrix)
        if variance.any():
            matrix = matrix / variance[variance > 0].mean()
        dropped, unexplained = eliminate(matrix)
        order, scores = dropped[::-1], unexplained[::-1]
        explained = explained_by_prefixes(matrix, order)
        return Ranking(
            group.roots[order],
            scores,
            level=-scores,
            shares=np.concatenate([[0.0], explained[:-1]]),
            details={"unexplained": scores, "explained": explained},
        )


def eliminate(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Backward elimination of the variable that the others explain best.

    Args:
        matrix: Covariance or correlation matrix (C, C), positive semidefinite.

    Returns:
        `order`, the variables in the order in which they go, and `unexplained`, (C,): the variance
        that the others left unexplained when each went. Non-decreasing. Of several exact duplicates
        the one in the highest place goes first.
    """
    matrix = np.asarray(matrix, np.float64)
    variance = np.diag(matrix)
    dead = np.flatnonzero(variance <= 0)[::-1]
    left = np.flatnonzero(variance > 0)
    order, unexplained = [int(c) for c in dead], [0.0] * len(dead)
    noise = _NOISE * variance[left].mean() if len(left) else 0.0
    inverse, worst = Deflation(np.zeros((len(left), len(left)))), 1.0
    while len(left):
        largest = inverse.diagonal.max()
        if largest < _REFRESH * worst:
            # Downdates subtract large numbers from each other: start again before it matters.
            left = left[left >= 0]
            inverse = Deflation(_inverse(matrix[np.ix_(left, left)], noise))
            worst = largest = inverse.diagonal.max()
        tied = np.flatnonzero(inverse.diagonal >= largest * (1 - _EQUAL))
        place = int(tied[np.argmax(left[tied])])
        share = 1 / inverse.diagonal[place] - noise
        order.append(int(left[place]))
        unexplained.append(share if share > _EXPLAINED * noise else 0.0)
        inverse, left = _without(inverse, left, place)
    return np.array(order), np.maximum.accumulate(unexplained)


def _without(inverse: Deflation, left: np.ndarray, place: int) -> tuple[Deflation, np.ndarray]:
    """The inverse without a variable; rows that are gone leave the matrix now and then."""
    column = inverse.column(place)
    carried_out = inverse.subtract(column / np.sqrt(column[place]))
    left[place] = -1
    inverse.diagonal[left < 0] = -np.inf
    open_ = np.flatnonzero(left >= 0)
    if carried_out or not len(open_):
        return Deflation(inverse.matrix()[np.ix_(open_, open_)]), left[open_]
    return inverse, left


def _inverse(matrix: np.ndarray, noise: float) -> np.ndarray:
    """Inverse with a little noise added to every variance."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors / (np.maximum(values, 0) + noise)) @ vectors.T


def explained_by_prefixes(matrix: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Share of the total variance that the first j + 1 variables explain by regression, (C,)."""
    residual = Deflation(matrix)
    variance = residual.diagonal.copy()
    total = variance.sum()
    explained = np.ones(len(order))
    for place, chosen in enumerate(order if total > 0 else ()):
        if residual.diagonal[chosen] > _NOISE * variance[chosen]:
            residual.subtract(residual.column(chosen) / np.sqrt(residual.diagonal[chosen]))
        explained[place] = 1 - np.maximum(residual.diagonal, 0).sum() / total
    return np.maximum.accumulate(np.clip(explained, 0, 1))
