"""From the dense network to the file that ships: all stages, and what is left at each."""

from collections.abc import Mapping
from typing import Any

from ccm_tf.reporting import numbers
from ccm_tf.reporting.content import Content, stages
from ccm_tf.reporting.markup import section, table, text
from ccm_tf.reporting.table import Column, columns, how


def funnel(content: Content) -> str:
    """See `ccm_tf.reporting.sections`."""
    values = content.values
    shown = columns(values)
    dense = stages(values)[0]
    rows = [
        [
            text(row["title"]),
            *(_cell(column, row.get(key), dense.get(key)) for key, column in shown.items()),
        ]
        for row in stages(values)
    ]
    head = ["", *(column.title for column in shown.values())]
    return section(
        f"From {dense['title']} to {stages(values)[-1]['title']}",
        " ".join([*_measured(values), *_after_the_cut(values)]),
        table(head, rows, "funnel"),
    )


def _cell(column: Column, value: float | None, dense: float | None) -> str:
    if value is None:
        return "–"
    if not column.relative:
        return column.shown(value) + _bar(value)
    if not dense:
        return column.shown(value)
    change = "" if value == dense else f"<small>{numbers.change(value, dense)}</small>"
    return column.shown(value) + change + _bar(value / dense)


def _bar(share: float) -> str:
    """A bar in the middle of its cell: the cells of a column make a funnel."""
    width = 100 * min(max(share, 0.0), 1.0)
    return f'<span class="meter"><i style="width:{width:.1f}%"></i></span>'


def _measured(values: Mapping[str, Any]) -> list[str]:
    said = text(how(values, "; "))
    return [f"{said[0].upper()}{said[1:]}."] if said else []


def _after_the_cut(values: Mapping[str, Any]) -> list[str]:
    """What came between the stages, where a run knows it."""
    if "sliced" not in values or "pruned" not in values:
        return []
    accuracy = values["sliced"]["accuracy"]
    folded = values.get("run", {}).get("flags", {}).get("fold", "none") != "none"
    after = (
        "folding removed channels into the next layers"
        if folded
        else "recalibrating batch normalisation"
    )
    right_after = (
        ""
        if accuracy is None
        else f"; right after the cut accuracy was {numbers.percent(accuracy)}"
    )
    return [f"“Pruned” is after {after}{right_after}."]
