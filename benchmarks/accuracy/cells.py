"""A cell: a chain of steps from nothing to a measured network, and the hash of its settings."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any

DENSE = "dense"
LABELS = ("dataset", "network", "recipe", "training", "criterion", "macs", "stage", "seed")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One entry of the matrix.

    Attributes:
        labels: Names for filters and tables, one for each of `LABELS`; `None` where a label means
            nothing (a dense network has no criterion). They do not enter the hash.
        steps: Settings of every step from the training on, each with its kind under `"step"`.
    """

    labels: dict[str, Any]
    steps: tuple[dict[str, Any], ...]

    @property
    def id(self) -> str:
        """Hash of the settings: the same for the same steps, whatever they are called."""
        text = json.dumps(self.steps, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def parent(self) -> "Cell | None":
        """The cell one step before this one; `None` for a training."""
        if len(self.steps) == 1:
            return None
        steps = self.steps[:-1]
        labels = {**self.labels, "stage": stage_of(steps)}
        if len(steps) == 1:
            labels.update(criterion=None, macs=None)
        return Cell(labels, steps)

    @property
    def training(self) -> "Cell":
        """The trained network that this cell goes back to; itself if it is one."""
        parent = self.parent
        return self if parent is None else parent.training

    @property
    def title(self) -> str:
        return " · ".join(
            str(self.labels[name]) for name in LABELS if self.labels[name] is not None
        )

    def matches(self, filters: dict[str, list[str]]) -> bool:
        """Whether every filtered label has one of the wanted values."""
        return all(str(self.labels[name]) in values for name, values in filters.items())


def stage_of(steps: Sequence[dict[str, Any]]) -> str:
    """What a chain of steps is called: its last one, after how channels went if not by slicing."""
    kinds = [step["step"] for step in steps[1:]]
    if not kinds:
        return DENSE
    if kinds[0] == "slice" or len(kinds) == 1:
        return kinds[-1]
    return f"{kinds[0]}+{kinds[-1]}"


def parse_filters(texts: list[str]) -> dict[str, list[str]]:
    """Turns `label=value` (or `label=value,value`) into a filter.

    Raises:
        ValueError: If a text has another form or names no label.
    """
    filters: dict[str, list[str]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or name not in LABELS:
            raise ValueError(
                f"A filter looks like `label=value` or `label=value,value`, with one of the labels "
                f"{', '.join(LABELS)}. Received: {text!r}"
            )
        filters.setdefault(name, []).extend(values.split(","))
    return filters
