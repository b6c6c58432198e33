"""What is done, what is missing, and how long the rest may take."""

import json
from typing import Any

from benchmarks.accuracy.cells import Cell
from benchmarks.accuracy.results import Results


def listing(cells: list[Cell], results: Results) -> str:
    """One line per cell and a sum.

    Args:
        cells: Cells of the matrix.
        results: Results so far.

    Returns:
        Text. Times of missing cells are means over done cells of the same kind, and unknown where
        there is none.
    """
    seconds = _seconds_by_kind(cells, results)
    lines, total, unknown = [], 0.0, 0
    for cell in cells:
        row = results.get(cell.id)
        if row is not None:
            lines.append(f"done     {cell.id}  {cell.title}: {100 * row['test_accuracy']:.2f} %")
            continue
        guess = seconds.get(_kind(cell))
        if guess is None:
            unknown += 1
        else:
            total += guess
        lines.append(f"missing  {cell.id}  {cell.title}: {_minutes(guess)}")
    missing = sum(line.startswith("missing") for line in lines)
    rest = f", about {_minutes(total)}" if missing > unknown else ""
    if unknown:
        rest += f" and {unknown} cells of unknown length"
    lines.append(f"{len(cells) - missing} of {len(cells)} cells done, {missing} missing{rest}")
    return "\n".join(lines)


def _seconds_by_kind(cells: list[Cell], results: Results) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for cell in cells:
        row = results.get(cell.id)
        if row is not None:
            found.setdefault(_kind(cell), []).append(row["record"]["seconds"])
    return {kind: sum(values) / len(values) for kind, values in found.items()}


def _kind(cell: Cell) -> str:
    """Cells of one kind take about the same time: the network and the last step less its names."""
    last: dict[str, Any] = {
        key: value for key, value in cell.steps[-1].items() if key not in ("seed", "criterion")
    }
    # The loss of a training adds a few per cent.
    last.pop("loss", None)
    return json.dumps([cell.labels["network"], last], sort_keys=True)


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
