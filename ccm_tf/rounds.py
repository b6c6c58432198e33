"""The rounds of an iteration: their targets, what became of them, and when to stop."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np

from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.cache import latency_table
from ccm_tf.pruning_plan import PruningPlan

Targets = dict[str, Any]
# Targets that may be a part of the dense model, which in a later round is not the one at hand.
_PARTS = ("macs", "params", "bytes", "channels")


@dataclasses.dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        number: Counts from 1.
        target: What was asked for.
        params: Parameters of the student.
        macs: Its multiply-accumulates.
        folder: Where the iteration keeps its files; `recover` may put checkpoints there.
        score: What `evaluate` said after recovery.
        seconds: How long planning, rewriting and recovery took.
        accepted: Whether the student was good enough to go on with.
    """

    number: int
    target: Targets
    params: int
    macs: int
    folder: pathlib.Path | None = None
    score: float | None = None
    seconds: float = 0.0
    accepted: bool = True

    @property
    def name(self) -> str:
        """Beginning of the names of its files."""
        return f"round-{self.number:02}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, without the folder."""
        value = dataclasses.asdict(self)
        del value["folder"]
        return value

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], folder: pathlib.Path | None = None) -> "Round":
        return cls(**value, folder=folder)


@dataclasses.dataclass(frozen=True)
class Stop:
    """When an iteration ends before its schedule.

    Attributes:
        macs: It has this part of the dense model's MACs or less.
        params: Likewise for parameters.
        max_drop: A student's score is lower than the dense model's by more than this. That student
            is given up, and the one before it is the result.

    Example:

    ```python
    ccm_tf.iterate(model, "pca", schedule, data, evaluate=accuracy, stop=Stop(max_drop=0.01))
    ```
    """

    macs: float | None = None
    params: float | None = None
    max_drop: float | None = None

    def __post_init__(self):
        for name in ("macs", "params"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise ValueError(f"`{name}` must be in (0, 1]. Received: {name}={value!r}.")
        if self.max_drop is not None and not self.max_drop >= 0:
            raise ValueError(f"`max_drop` must be >= 0. Received: max_drop={self.max_drop!r}.")

    def check(self, scored: bool) -> None:
        """Raises a `ValueError` if a rule needs a score that there is not."""
        if self.max_drop is not None and not scored:
            raise ValueError("`max_drop` compares scores: pass `evaluate` too.")

    def reached(self, rounds: list[Round], dense: Any) -> str | None:
        """Why to end now, if there is a reason."""
        if not rounds:
            return None
        last = rounds[-1]
        if not last.accepted:
            return f"Round {last.number} lost more than allowed, so the student before it is kept."
        for name, word in (("macs", "MACs"), ("params", "parameters")):
            part = getattr(self, name)
            if part is not None and getattr(last, name) <= part * getattr(dense, name):
                return f"The target of {100 * part:g} % of {word} is met."
        return None

    def allows(self, score: float | None, dense_score: float | None) -> bool:
        """Whether a student of this score is good enough."""
        if self.max_drop is None or score is None or dense_score is None:
            return True
        # NaN is never good enough.
        return bool(score >= dense_score - self.max_drop - 1e-12)


def targets_of(
    schedule: Iterable[float | Mapping[str, Any]] | Callable[[int], Any],
) -> list[Targets]:
    """One target per round.

    Args:
        schedule: As for `ccm_tf.iterate`.

    Raises:
        ValueError: If there are no rounds, or a target is neither a part nor a dict.
    """
    if callable(schedule):
        rounds: list[Any] = _of_schedule(schedule)
    elif isinstance(schedule, (str, Mapping)) or not isinstance(schedule, Iterable):
        raise ValueError(
            "Argument `schedule` must be a list with one target per round, such as "
            f"[0.8, 0.6] or 3 * [{{'energy': 0.9}}], or a schedule. Received: {schedule!r}."
        )
    else:
        rounds = list(schedule)
    if not rounds:
        raise ValueError("Argument `schedule` holds no rounds.")
    return [_target(one) for one in rounds]


def _of_schedule(schedule: Any) -> list[float]:
    last = getattr(schedule, "last_step", getattr(schedule, "end_step", None))
    if last is None or last < 0:
        raise ValueError(f"A schedule without an end has no rounds. Received: {schedule!r}.")
    rounds = []
    for step in range(int(schedule.begin_step), int(last) + 1):
        due, sparsity = schedule(step)
        if bool(due):
            rounds.append(1.0 - float(sparsity))
    return rounds


def _target(value: Any) -> Targets:
    if isinstance(value, Mapping):
        return dict(value)
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not 0 < value <= 1:
        raise ValueError(
            "A round's target is a part of the dense model's MACs in (0, 1], or a dict such as "
            f"{{'params': 0.5}}. Received: {value!r}."
        )
    return {"macs": float(value)}


def absolute(target: Targets, dense: Any, graph: ChannelGraph) -> Targets:
    """A target with parts of the dense model as numbers, which mean the same for any student."""
    counts = {
        "macs": lambda: dense.macs,
        "params": lambda: dense.params,
        "bytes": lambda: dense.bytes,
        "channels": lambda: sum(len(p.roots) for p in graph.producers),
    }
    made = dict(target)
    for name in _PARTS:
        value = made.get(name)
        if isinstance(value, (float, np.floating)) and 0 < value <= 1:
            made[name] = max(1, int(np.floor(value * counts[name]())))
    if made.get("latency") is not None:
        table = made.get("latency_table") or latency_table(graph)
        made["latency_ms"] = made.pop("latency") * table.predict(graph)
    return made


def composed(model: keras.Model, plans: Iterable[PruningPlan]) -> PruningPlan:
    """One plan for a model that does what several do one after the other.

    Args:
        model: The model that the first plan is for.
        plans: Plans, each for what the one before leaves.

    Returns:
        A plan whose channels count in `model`.

    Raises:
        ValueError: If the plans do not follow one another.
    """
    kept: dict[str, list[int]] = {
        p.name: list(range(len(p.roots))) for p in ChannelGraph(model).producers
    }
    for number, plan in enumerate(plans, 1):
        for name, channels in plan.kept.items():
            if name not in kept or (channels and channels[-1] >= len(kept[name])):
                raise ValueError(
                    f"Plan {number} keeps channels {channels} of layer '{name}', which the plans "
                    f"before it leave with {len(kept.get(name, ()))}."
                )
            kept[name] = [kept[name][channel] for channel in channels]
    return PruningPlan.from_kept(model, kept)
