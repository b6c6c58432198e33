"""The page of a comparison: accuracy against what it costs, and a table of the runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from ccm_tf.reporting import numbers
from ccm_tf.reporting.markup import figure, section, table, text
from ccm_tf.reporting.page import whole_page
from ccm_tf.reporting.scatter import Trail, scatter_chart, sign
from ccm_tf.reporting.table import COLUMNS

# Costs to draw accuracy against where all runs know them; the first is drawn large.
_COSTS = {
    "macs": ("Accuracy against MACs", "multiply-accumulates (MACs), logarithmic"),
    "bytes": ("Accuracy against size", "size, logarithmic"),
    "latency_ms": ("Accuracy against latency", "latency, logarithmic"),
}
# Before recovery a network may be no better than guessing, which would press all others into a
# line at the top of the picture.
_UNRECOVERED = "pruned"
# Below the worst recovered network, as a part of how far these are apart.
_MARGIN = 0.05


def comparison_page(values: Mapping[str, Any]) -> str:
    """The page.

    Args:
        values: What `ccm_tf.reporting.comparison.compared` returned.

    Returns:
        HTML.
    """
    title = values["title"]
    parts = [f"<header><h1>{text(title)}</h1></header>", *map(_warning, values["notes"])]
    return whole_page(title, [*parts, _pictures(values), _table(values), _footer()])


def _warning(note: str) -> str:
    return f'<div class="panel warning" role="note">{text(note)}</div>'


def _pictures(values: Mapping[str, Any]) -> str:
    floor, below = _floor(values)
    large, *small = _charts(values, floor)
    more = f'<div class="charts">{"".join(small)}</div>' if small else ""
    hidden = f" Networks right after the cut that lie below the picture: {below}." if below else ""
    return section(
        "What accuracy costs",
        "Each sign is a network, on test images; the filled one is the last of its run, hollow "
        "ones are the stages before it. The dotted line is the front: nothing that was measured "
        f"is better at that cost. Up and to the left is better.{hidden}",
        f'<div class="wide">{large}</div>{more}',
    )


def _charts(values: Mapping[str, Any], floor: float) -> Iterator[str]:
    legend = "".join(
        f'<span class="key none">{sign(number)}{number + 1} {text(run["name"])} '
        f"<b>{numbers.percent(run['points'][-1]['accuracy'])}</b></span>"
        for number, run in enumerate(values["runs"])
    )
    for place, (cost, (title, x_title)) in enumerate(_COSTS.items()):
        trails = [
            Trail(run["name"], [(p[cost], p["accuracy"]) for p in run["points"] if cost in p])
            for run in values["runs"]
        ]
        if all(cost in run["points"][-1] for run in values["runs"]):
            said = f"{title} of {len(trails)} runs"
            drawing = scatter_chart(said, trails, x_title, COLUMNS[cost].shown, floor)
            yield figure(title, drawing, "" if place else legend)


def _floor(values: Mapping[str, Any]) -> tuple[float, int]:
    """Lowest accuracy to show, and how many networks lie below it."""
    points = [point for run in values["runs"] for point in run["points"]]
    lasts = {id(run["points"][-1]) for run in values["runs"]}
    shown = [
        point["accuracy"]
        for point in points
        if id(point) in lasts or not point["stage"].startswith(_UNRECOVERED)
    ]
    floor = min(shown) - _MARGIN * (max(shown) - min(shown))
    return floor, sum(point["accuracy"] < floor for point in points)


def _table(values: Mapping[str, Any]) -> str:
    keys = [k for k in COLUMNS if any(k in run["points"][-1] for run in values["runs"])]
    head = ["run", "channels by", "last stage", *(COLUMNS[key].title for key in keys), "dense"]
    rows = []
    for number, run in enumerate(values["runs"], start=1):
        dense, last = run["points"][0], run["points"][-1]
        cells = [_cell(key, last, dense) for key in keys]
        name = f"{number} {text(run['name'])}<small>{text(run['title'])}</small>"
        dense_accuracy = numbers.percent(dense["accuracy"])
        rows.append([name, text(run["method"]), text(last["title"]), *cells, dense_accuracy])
    return section(
        "Runs",
        "The last network of each run; changes are against its own dense network, whose accuracy "
        "is in the last column.",
        table(head, rows),
    )


def _cell(key: str, last: Mapping[str, Any], dense: Mapping[str, Any]) -> str:
    if key not in last:
        return "–"
    column = COLUMNS[key]
    shown = column.shown(last[key])
    if column.relative and dense.get(key):
        shown += f"<small>{numbers.change(last[key], dense[key])}</small>"
    return f"<b>{shown}</b>" if last["best"] and key == "accuracy" else shown


def _footer() -> str:
    return (
        "<footer>Bold: on the front of accuracy against MACs. The same numbers are in the JSON "
        "file beside this page.</footer>"
    )
