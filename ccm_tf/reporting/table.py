"""The stages of a report side by side: the columns that there are, and a table for a terminal."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ccm_tf.reporting import numbers
from ccm_tf.reporting.content import stages


@dataclasses.dataclass(frozen=True)
class Column:
    """What is said of every stage.

    Attributes:
        title: Its title.
        shown: How a value is written.
        relative: Whether the change against the first stage is written too.
    """

    title: str
    shown: Callable[[float], str]
    relative: bool = True


COLUMNS = {
    "accuracy": Column("accuracy", numbers.percent, relative=False),
    "params": Column("params", numbers.count),
    "macs": Column("MACs", numbers.count),
    "bytes": Column("file size", numbers.size),
    "latency_ms": Column("latency", numbers.milliseconds),
}


def columns(values: Mapping[str, Any]) -> dict[str, Column]:
    """The columns that there are numbers for: without labels there is no accuracy.

    Args:
        values: Content of report.json.
    """
    return {
        key: column
        for key, column in COLUMNS.items()
        if any(stage.get(key) is not None for stage in stages(values))
    }


def table(values: Mapping[str, Any]) -> str:
    """All stages, side by side.

    Args:
        values: Content of report.json.
    """
    shown = columns(values)
    head = ["", *(column.title for column in shown.values())]
    dense, *_ = found = stages(values)
    rows = [[stage["title"], *_cells(shown, stage, dense)] for stage in found]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
    rule = "-" * max(map(len, lines))
    notes = how(values)
    return "\n".join([lines[0], rule, *lines[1:], rule, *([notes] if notes else [])])


def how(values: Mapping[str, Any], between: str = ", ") -> str:
    """How the columns were measured, where that is said."""
    shown = columns(values)
    said = values["how"].items()
    return between.join(f"{shown[key].title}: {words}" for key, words in said if key in shown)


def _cells(shown: Mapping[str, Column], stage: Mapping, dense: Mapping) -> list[str]:
    cells = []
    for key, column in shown.items():
        value, first = stage.get(key), dense.get(key)
        cell = "" if value is None else column.shown(value)
        if column.relative and stage is not dense and value is not None and first:
            cell += f" ({numbers.change(value, first)})"
        cells.append(cell)
    return cells
