"""Phases of a run, seen from the lines that its chief prints."""

import dataclasses
import re
from collections.abc import Mapping

_TOOK = re.compile(r"^ +(\w+) took ([\d.]+) s$", re.M)
_EPOCH = re.compile(r"^epoch +(\d+)/(\d+) .* ([\d.]+) s$", re.M)


@dataclasses.dataclass(frozen=True)
class Phase:
    """A part of a run in which workers are killed.

    Attributes:
        stage: The stage of the run that it lies in.
        share: How much of the stage it is, from its beginning on; `None` for the epoch that
            follows the first one that a process finishes.
    """

    stage: str
    share: float | None = None

    def delay(self, log: str, place: float, seconds: Mapping[str, float]) -> float | None:
        """When to kill, in seconds from now; `None` if the phase has not begun.

        Args:
            log: What the run has said so far.
            place: Where in the phase, between 0 and 1.
            seconds: How long stages take.
        """
        begin = re.search(rf"^\[\d+/\d+\] {self.stage}: (?!done already)", log, re.M)
        if begin is None:
            return None
        if self.share is not None:
            return place * self.share * seconds[self.stage]
        epoch = _EPOCH.search(log, begin.end())
        return None if epoch is None else place * float(epoch[3])


# In the order in which a run comes to them. Before its first step the fine-tuning reads the network
# and traces its functions, which takes most of a short stage: that is after the rewrite still.
PHASES = {
    "training": Phase("train"),
    "statistics": Phase("select", 0.9),
    "rewritten": Phase("finetune", 0.2),
    "fine-tuning": Phase("finetune"),
}


def durations(log: str) -> dict[str, float]:
    """Seconds that each stage took that a log says the end of."""
    return {name: float(seconds) for name, seconds in _TOOK.findall(log)}
