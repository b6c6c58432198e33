"""Channels of one group in the order in which they matter."""

import dataclasses

import numpy as np

# Shares are sums of rounded numbers: a tie with the threshold has to be seen as a tie.
_SHARE_DECIMALS = 12


@dataclasses.dataclass(frozen=True, eq=False)
class Ranking:
    """Channels of one group from the most to the least important.

    Whatever the budget, the channels kept are a prefix of `order`, and never an empty one.

    Attributes:
        order: Roots of the group, most important first.
        scores: Float array, >= 0: the importance that counts for position j.
        level: Non-decreasing: the threshold from which on position j is kept, comparable
            between groups, so that one number cuts all of them: keep j iff `level[j] <= threshold`.
            Defaults to `shares`.
        shares: Non-decreasing, in [0, 1]: the part of the sum of scores that comes before
            position j. Computed from the scores unless given.
        details: Small arrays for reports, by name.

    Raises:
        ValueError: If lengths differ, a score is negative or not finite, or `level` decreases.

    Example:

    ```python
    ranking = Ranking(order=np.array([7, 5, 6]), scores=np.array([9.5, 0.3, 0.2]))
    ranking.order[: ranking.cut(0.9)]  # [7]
    ```
    """

    order: np.ndarray
    scores: np.ndarray
    level: np.ndarray = None  # type: ignore[assignment]
    shares: np.ndarray = None  # type: ignore[assignment]
    details: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        order, scores = np.asarray(self.order), np.asarray(self.scores, np.float64)
        if order.ndim != 1 or order.shape != scores.shape or not len(order):
            raise ValueError(
                "A ranking needs as many scores as channels, at least one. Received arrays of "
                f"shape {order.shape} and {scores.shape}."
            )
        if not np.all(np.isfinite(scores)) or np.any(scores < 0):
            raise ValueError("Scores must be finite and >= 0.")
        shares = _shares(scores) if self.shares is None else np.asarray(self.shares, np.float64)
        level = shares if self.level is None else np.asarray(self.level, np.float64)
        for name, values in (("shares", shares), ("level", level)):
            if values.shape != order.shape or np.any(np.diff(values) < 0):
                raise ValueError(f"Argument `{name}` must be non-decreasing, one number a channel.")
            object.__setattr__(self, name, values)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "scores", scores)

    def __len__(self) -> int:
        return len(self.order)

    def cut(self, energy: float) -> int:
        """Length of the shortest prefix that holds strictly more than a share of all scores.

        Args:
            energy: Share in (0, 1]. 1 keeps every channel.

        Returns:
            How many channels stay, at least 1.

        Raises:
            ValueError: If `energy` is not in (0, 1].
        """
        check_energy(energy)
        return max(1, int(np.count_nonzero(self.shares <= energy)))


def check_energy(energy: float) -> None:
    """Raises a `ValueError` unless `energy` is a share in (0, 1]."""
    if isinstance(energy, bool) or not 0 < energy <= 1:
        raise ValueError(
            f"Argument `energy` must be in (0, 1]: the share of scores to keep. Received: {energy}"
        )


def _shares(scores: np.ndarray) -> np.ndarray:
    total = np.cumsum(scores)
    if total[-1] == 0:
        # A dead group: one channel carries all there is.
        return np.minimum(np.arange(len(scores)), 1).astype(np.float64)
    before = np.concatenate([[0.0], total[:-1]])
    return np.round(before / total[-1], _SHARE_DECIMALS)
