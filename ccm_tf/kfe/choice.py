"""Which directions go: one threshold for all layers; layers not worth it are left alone."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from ccm_tf.kfe.candidates import Candidate

_MOST_TRIALS = 400
Drops = list[tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class Choice:
    """How many directions each candidate loses.

    Attributes:
        drops: Per candidate, of its inputs and of its outputs; (0, 0) where it is left alone.
        notes: What a reader of the plan should know.
    """

    drops: Drops
    notes: tuple[str, ...] = ()


class Queue:
    """All directions that may go, least important first.

    Ties go by the order of layers, then inputs before outputs, then their index.

    Args:
        candidates: The layers.
    """

    def __init__(self, candidates: Sequence[Candidate]):
        self.candidates = candidates
        rows = []
        for number, candidate in enumerate(candidates):
            for side, scores in enumerate(candidate.scores):
                order = candidate.orders[side]
                rows += [(score, number, side) for score in scores[order]]
        table = np.array(rows).reshape(-1, 3)
        sort = np.lexsort((np.arange(len(table)), table[:, 2], table[:, 1], table[:, 0]))
        self.owners = table[sort, 1:].astype(np.int64)
        self._places = {
            (number, side): np.flatnonzero((self.owners == (number, side)).all(axis=1))
            for number in range(len(candidates))
            for side in (0, 1)
        }

    def __len__(self) -> int:
        return len(self.owners)

    def drops(self, count: int) -> Drops:
        """Drops of every candidate if the first so many go; none where it would not be accepted."""
        found = []
        for number, candidate in enumerate(self.candidates):
            inputs, outputs = (
                int(np.searchsorted(self._places[number, side], count)) for side in (0, 1)
            )
            worth = candidate.accepted((inputs, outputs))
            found.append((inputs, outputs) if worth else (0, 0))
        return found

    def fewest(self, enough: Callable[[Drops], bool]) -> int | None:
        """The smallest count whose drops are enough, `None` if none are.

        More drops never cost more, so it is found by bisection.
        """
        if not enough(self.drops(len(self))):
            return None
        low, high = -1, len(self)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(self.drops(middle)) else (middle, high)
        return high

    def given_back(self, count: int, fits: Callable[[Drops], bool], trials: int) -> Drops:
        """Takes drops back, the most important first, as long as what is left fits.

        A layer that is converted stays worth it.
        """
        drops = self.drops(count)
        closed: set[tuple[int, int]] = set()
        for number, side in self.owners[:count][::-1]:
            key = (int(number), int(side))
            if key in closed or not drops[key[0]][side]:
                continue
            if not trials:
                break
            trials -= 1
            trial = list(drops)
            inputs, outputs = drops[key[0]]
            trial[key[0]] = (inputs - 1, outputs) if side == 0 else (inputs, outputs - 1)
            if self.candidates[key[0]].accepted(trial[key[0]]) and fits(trial):
                drops = trial
            else:
                closed.add(key)
        return drops


def choose_ratio(candidates: Sequence[Candidate], ratio: float) -> Choice:
    """Drops exactly floor(ratio x directions) directions.

    A layer that would not be smaller as a bottleneck keeps its directions, and others lose more.

    Args:
        candidates: The layers.
        ratio: Share of all directions, inputs and outputs, in [0, 1).

    Raises:
        ValueError: If the limits do not allow so many.
    """
    total = sum(candidate.units for candidate in candidates)
    target = int(np.floor(ratio * total + 1e-9))
    queue = Queue(candidates)
    count = queue.fewest(lambda drops: dropped(drops) >= target)
    if count is None:
        most = dropped(queue.drops(len(queue)))
        raise ValueError(
            f"ratio={ratio} asks for {target} of {total} directions, but within the limits only "
            f"{most} ({most / total:.1%}) can go. Ask for less, or raise `max_ratio`."
        )
    drops = queue.given_back(count, lambda d: dropped(d) >= target, len(queue))
    more = dropped(drops) - target
    if not more:
        return Choice(drops)
    return Choice(
        drops,
        (
            f"{more} more directions go than asked for: the last layer to be converted pays only "
            "with that many.",
        ),
    )


def choose_cost(candidates: Sequence[Candidate], kind: str, fixed: int, limit: int) -> Choice:
    """Drops the fewest directions with which a cost stays within a limit.

    Args:
        candidates: The layers.
        kind: `"params"` or `"macs"`.
        fixed: Cost of everything but the candidates.
        limit: The most that may be left.

    Raises:
        ValueError: If the limits do not allow it.
    """

    def total(drops: Drops) -> int:
        pairs = zip(candidates, drops, strict=True)
        return fixed + sum(getattr(c.cost(d), kind) for c, d in pairs)

    queue = Queue(candidates)
    count = queue.fewest(lambda drops: total(drops) <= limit)
    if count is None:
        least = total(queue.drops(len(queue)))
        raise ValueError(
            f"No plan leaves {limit:,} {kind}: within the limits {least:,} remain. Ask for at "
            "least that, raise `max_ratio`, or prune channels first with `channels=`."
        )
    drops = queue.given_back(count, lambda d: total(d) <= limit, _MOST_TRIALS)
    reached = total(drops)
    if reached >= 0.99 * limit or not dropped(drops):
        return Choice(drops)
    return Choice(
        drops,
        (
            f"{reached:,} {kind} are {1 - reached / limit:.1%} below the target: a layer becomes a "
            "bottleneck all at once.",
        ),
    )


def dropped(drops: Drops) -> int:
    """Number of directions that go."""
    return sum(map(sum, drops))
