"""Timing several things in turns, so that a machine whose speed drifts is fair to all."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Call = Callable[[], object]


def interleaved(
    calls: Sequence[Call],
    runs: int,
    rounds: int,
    warm_up: int = 3,
    before: Sequence[Call | None] | None = None,
) -> list[list[list[float]]]:
    """Times calls in turns.

    A machine's speed drifts by more than what two models may differ by; what slows it down
    then slows all of them down.

    Args:
        calls: What to time.
        runs: Timed calls of each in all, at least one per turn.
        rounds: How many turns each gets.
        warm_up: Untimed calls of each beforehand. Defaults to 3.
        before: What to do before every single call of each, untimed. Defaults to nothing.

    Returns:
        Milliseconds, by call, by turn, by run.

    Raises:
        ValueError: If `rounds` is below 1 or above `runs`.
    """
    if rounds < 1 or runs < rounds:
        raise ValueError(f"Expected runs >= rounds >= 1. Received: runs={runs}, rounds={rounds}.")
    prepare = list(before) if before is not None else [None] * len(calls)
    each = -(-runs // rounds)
    for _ in range(warm_up):
        for call in calls:
            call()
    found: list[list[list[float]]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, ready, seen in zip(calls, prepare, found, strict=True):
            seen.append([_milliseconds(call, ready) for _ in range(each)])
    return found


def _milliseconds(call: Call, ready: Call | None) -> float:
    if ready is not None:
        ready()
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


@dataclasses.dataclass(frozen=True)
class Latency:
    """Times of one thing.

    Attributes:
        name: What was timed.
        runtime: What ran it.
        turns: Milliseconds of the single calls, by turn.
    """

    name: str
    runtime: str
    turns: tuple[tuple[float, ...], ...]

    @property
    def median_ms(self) -> float:
        """Median time of a call in milliseconds."""
        return statistics.median(self._all())

    @property
    def quartiles_ms(self) -> tuple[float, float]:
        """Between these two lies the middle half of the times."""
        low, high = np.percentile(self._all(), (25, 75))
        return float(low), float(high)

    @property
    def min_ms(self) -> float:
        """The shortest time; on a busy machine the one least disturbed."""
        return min(self._all())

    @property
    def runs(self) -> int:
        """How many calls were timed."""
        return len(self._all())

    def times_faster_than(self, other: "Latency") -> float:
        """How many times as long another takes, compared turn by turn.

        Args:
            other: What was timed in the same turns.
        """
        ratios = [
            statistics.median(slow) / statistics.median(fast)
            for slow, fast in zip(other.turns, self.turns, strict=True)
        ]
        return statistics.median(ratios)

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain values, for JSON."""
        low, high = self.quartiles_ms
        return {
            "name": self.name,
            "runtime": self.runtime,
            "median_ms": self.median_ms,
            "quartile_ms": [low, high],
            "min_ms": self.min_ms,
            "runs": self.runs,
        }

    def _all(self) -> list[float]:
        return [time for turn in self.turns for time in turn]
