"""Phases of a run, seen from the lines that its chief prints."""

import dataclasses
import re

_TOOK = re.compile(r"^ +(\w+) took ([\d.]+) s$", re.M)


@dataclasses.dataclass(frozen=True)
class Phase:
    """A part of a run in which workers are killed.

    Attributes:
        stage: The stage of the run that it lies in.
        first: Where it begins, as a share of the time that the stage takes.
        last: Where it ends, likewise.
    """

    stage: str
    first: float
    last: float


# In the order in which a run comes to them. Before its first step the fine-tuning reads the network
# and traces its functions, which takes most of a short stage: that is after the rewrite still.
PHASES = {
    "training": Phase("train", 0.1, 0.95),
    "statistics": Phase("select", 0.0, 0.9),
    "rewritten": Phase("finetune", 0.0, 0.2),
    "fine-tuning": Phase("finetune", 0.6, 0.95),
}


def begun(log: str, stage: str) -> bool:
    """Whether a stage is being worked on, or was, according to a log."""
    return re.search(rf"^\[\d+/\d+\] {stage}: (?!done already)", log, re.M) is not None


def durations(log: str) -> dict[str, float]:
    """Seconds that each stage took that a log says the end of."""
    return {name: float(seconds) for name, seconds in _TOOK.findall(log)}
