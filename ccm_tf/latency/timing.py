"""Timing several things in turns, so that a machine whose speed drifts is fair to all."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Call = Callable[[], object]
# For whole models, as `settle`: one of 44 MB took 1.9 times as long in its first calls after
# another model's, and as long as ever from about the fourth call on.
SETTLE = 4


class Spent(NamedTuple):
    """What one call took.

    Attributes:
        wall: Milliseconds until it was done.
        processor: Milliseconds that the calling thread computed. Where a single thread computes
            that is what an idle machine takes, also on one that lets the thread wait.
    """

    wall: float
    processor: float


def interleaved(
    calls: Sequence[Call],
    runs: int,
    rounds: int,
    warm_up: int = 3,
    before: Sequence[Call | None] | None = None,
    settle: int = 0,
) -> list[list[list[Spent]]]:
    """Times calls in turns.

    A machine's speed drifts by more than what two models may differ by; what slows it down
    then slows all of them down.

    Args:
        calls: What to time.
        runs: Timed calls of each in all, at least one per turn.
        rounds: How many turns each gets.
        warm_up: Untimed calls of each beforehand. Defaults to 3.
        before: What to do before every single call of each, untimed. Defaults to nothing.
        settle: Untimed calls at the beginning of every turn, after which a model finds its weights
            where its own last call left them, not as far away as the other models pushed them.
            Defaults to 0.

    Returns:
        What was spent, by call, by turn, by run.

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
    found: list[list[list[Spent]]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, ready, seen in zip(calls, prepare, found, strict=True):
            turn = [_spent(call, ready) for _ in range(settle + each)]
            seen.append(turn[settle:])
    return found


def _spent(call: Call, ready: Call | None) -> Spent:
    if ready is not None:
        ready()
    wall, processor = time.perf_counter(), time.thread_time()
    call()
    return Spent(1e3 * (time.perf_counter() - wall), 1e3 * (time.thread_time() - processor))


def median_alone(turns: Sequence[Sequence[Spent]], threads: int) -> float:
    """Median time of something that takes a fraction of a millisecond, undisturbed by others.

    Args:
        turns: What was spent on it.
        threads: How many threads computed. What one thread computes is told apart from what it
            waits; with several only the clock on the wall is left.
    """
    spent = [one for turn in turns for one in turn]
    return statistics.median(one.processor if threads == 1 else one.wall for one in spent)


@dataclasses.dataclass(frozen=True)
class Latency:
    """Times of one thing.

    Attributes:
        name: What was timed.
        runtime: What ran it.
        turns: Milliseconds of the single calls, by turn.
        processor_turns: Milliseconds that the processor computed, likewise; `None` where several
            threads may have computed.
    """

    name: str
    runtime: str
    turns: tuple[tuple[float, ...], ...]
    processor_turns: tuple[tuple[float, ...], ...] | None = None

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
    def processor_ms(self) -> float | None:
        """Median time that the processor computed: on a busy machine what an idle one takes."""
        if self.processor_turns is None:
            return None
        return statistics.median(time for turn in self.processor_turns for time in turn)

    @property
    def runs(self) -> int:
        """How many calls were timed."""
        return len(self._all())

    def times_faster_than(self, other: "Latency", processor: bool = False) -> float:
        """How many times as long another takes, compared turn by turn.

        Args:
            other: What was timed in the same turns.
            processor: Compare what the processor computed, where both have that. Defaults to
                `False`.
        """
        slow, fast = other.turns, self.turns
        if processor and other.processor_turns and self.processor_turns:
            slow, fast = other.processor_turns, self.processor_turns
        ratios = [
            statistics.median(one) / statistics.median(another)
            for one, another in zip(slow, fast, strict=True)
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
            "processor_ms": self.processor_ms,
            "runs": self.runs,
        }

    def _all(self) -> list[float]:
        return [time for turn in self.turns for time in turn]
