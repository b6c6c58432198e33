"""The final table on the terminal."""

from typing import Any

from tasks.report import numbers

TITLES = {
    "dense": "dense",
    "pruned": "pruned",
    "finetuned": "fine-tuned",
    "tflite": "LiteRT file",
}
COLUMNS = {
    "accuracy": ("accuracy", numbers.percent),
    "params": ("params", numbers.count),
    "macs": ("MACs", numbers.count),
    "bytes": ("file size", numbers.size),
    "latency_ms": ("latency", numbers.milliseconds),
}

_COUNTED = ("params", "macs")


def columns(report: dict[str, Any]) -> dict[str, tuple]:
    """The columns that there are numbers for: without labels there is no accuracy."""
    return {
        key: column for key, column in COLUMNS.items() if key in report["how"] or key in _COUNTED
    }


def table(report: dict[str, Any]) -> str:
    """Dense, pruned and fine-tuned network and LiteRT file, side by side.

    Args:
        report: What `tasks.report.measure.measured` returned.
    """
    head = ["", *(title for title, _ in columns(report).values())]
    rows = [_row(name, report) for name in TITLES if report.get(name)]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
    rule = "-" * max(map(len, lines))
    notes = ", ".join(f"{COLUMNS[key][0]}: {how}" for key, how in report["how"].items())
    return "\n".join([lines[0], rule, *lines[1:], rule, notes])


def _row(name: str, report: dict[str, Any]) -> list[str]:
    cells = [TITLES[name]]
    for key, (_, shown) in columns(report).items():
        value, dense = report[name][key], (report["dense"] or report[name])[key]
        relative = key in ("params", "macs", "bytes", "latency_ms") and name != "dense"
        cells.append(
            f"{shown(value)} ({numbers.change(value, dense)})" if relative else shown(value)
        )
    return cells
