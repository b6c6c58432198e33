"""Means and spreads over seeds, and which differences they can carry."""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

# Seeds from which on a group's own spread is used.
_ENOUGH = 3
GROUP_LABELS = ("dataset", "network", "recipe", "training", "criterion", "macs", "stage")
Key = tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Group:
    """The results of all seeds of one cell.

    Attributes:
        key: Its labels in the order of `GROUP_LABELS`.
        rows: Its result lines, by seed.
    """

    key: Key
    rows: tuple[dict[str, Any], ...]

    def label(self, name: str) -> Any:
        return self.key[GROUP_LABELS.index(name)]

    def values(self, *path: str) -> np.ndarray:
        """One number per seed, found along a path of keys."""
        found = []
        for row in self.rows:
            value: Any = row
            for part in path:
                value = value[part]
            found.append(value)
        return np.asarray(found, "float64")

    @property
    def accuracy(self) -> float:
        """Mean test accuracy in percent."""
        return 100.0 * float(self.values("test_accuracy").mean())

    @property
    def spread(self) -> float | None:
        """Standard deviation of the accuracy over seeds in points; `None` for one seed."""
        if len(self.rows) < 2:
            return None
        return 100.0 * float(self.values("test_accuracy").std(ddof=1))


def group(rows: Iterable[dict[str, Any]]) -> dict[Key, Group]:
    """Result lines by everything but their seed, in the order in which they come."""
    found: dict[Key, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in GROUP_LABELS), []).append(row)
    return {
        key: Group(key, tuple(sorted(members, key=lambda row: row["seed"])))
        for key, members in found.items()
    }


def pooled_spread(groups: Iterable[Group]) -> float | None:
    """Standard deviation over seeds in points, pooled over groups; `None` without two seeds."""
    squares, freedom = 0.0, 0
    for member in groups:
        if member.spread is not None:
            squares += member.spread**2 * (len(member.rows) - 1)
            freedom += len(member.rows) - 1
    return math.sqrt(squares / freedom) if freedom else None


def noise(one: Group, other: Group, spread: float | None) -> float:
    """Points that two means may differ by chance: two standard errors of their difference.

    Args:
        one: A group.
        other: Another.
        spread: Pooled standard deviation over seeds, for groups with fewer than three; `None` if it
            is not known.

    Returns:
        The larger of what the seeds and what the finite test set give. Without a spread over
        seeds it is the test set's part alone, which is too small.
    """
    variance = 0.0
    for member in (one, other):
        share = member.accuracy / 100.0
        images = member.values("test_images").sum()
        variance += share * (1.0 - share) / images * 1e4
    spreads = [spread, spread]
    if min(len(one.rows), len(other.rows)) >= _ENOUGH:
        spreads = [one.spread, other.spread]
    if None not in spreads:
        parts = zip(spreads, (one, other), strict=True)
        seeds = sum(x**2 / len(member.rows) for x, member in parts if x is not None)
        variance = max(variance, seeds)
    return 2.0 * math.sqrt(variance)


def within_noise_of_best(groups: list[Group], spread: float | None) -> tuple[Group, list[Group]]:
    """The group with the best mean, and the others that it does not clearly beat."""
    best = max(groups, key=lambda member: member.accuracy)
    ties = [
        member
        for member in groups
        if member is not best and best.accuracy - member.accuracy <= noise(best, member, spread)
    ]
    return best, ties
