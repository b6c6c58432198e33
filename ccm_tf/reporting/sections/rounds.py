"""Rounds: what each took away, and what accuracy was at every step of it."""

from collections.abc import Mapping
from typing import Any

from ccm_tf.reporting import numbers
from ccm_tf.reporting.content import Content, by_name
from ccm_tf.reporting.markup import section, table

_HEAD = ("round", "dropped", "right after the cut", "recalibrated", "fine-tuned", "weights", "MACs")


def rounds(content: Content) -> str:
    """See `ccm_tf.reporting.sections`."""
    values = content.values
    found = values.get("rounds", ())
    if not found:
        return ""
    rows = [_row(values, number, row) for number, row in enumerate(found, start=1)]
    start = (
        "Every round goes on with what the one before left."
        if values.get("protocol") == "iterative"
        else "Every round starts from the dense network."
    )
    return section("Rounds", f"Accuracy on test images. {start}", table(_HEAD, rows))


def _row(values: Mapping[str, Any], number: int, row: Mapping[str, Any]) -> list[str]:
    dense, after = values["stages"][0], by_name(values).get(f"finetuned_{number}", {})
    cells = [f"{number}", numbers.percent(row["ratio"])]
    accuracies = (row["cut_accuracy"], row["recalibrated_accuracy"], after.get("accuracy"))
    cells += ["–" if value is None else numbers.percent(value) for value in accuracies]
    for key in ("params", "macs"):
        cells.append(numbers.change(after[key], dense[key]) if key in after else "–")
    return cells
