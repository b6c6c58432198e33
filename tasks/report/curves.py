"""Training curves of a run."""

from collections.abc import Callable, Sequence
from typing import Any

from tasks.report import numbers
from tasks.report.charts import Series, line_chart

_ABOUT_S = (
    "<p>S is the mean absolute correlation between the channels of a layer, which CCM-loss drives "
    "up before pruning; thin lines are single layers. It is only measured during fine-tuning.</p>"
)


def curves(history: dict[str, list[dict[str, Any]]]) -> str:
    """Accuracy, loss and S over the epochs of both trainings, one behind the other.

    Args:
        history: "dense" and "finetuned" to one record per epoch.

    Returns:
        HTML; empty if there was no training.
    """
    phases = [records for records in (history["dense"], history["finetuned"]) if records]
    if not phases:
        return ""
    records = [record for phase in phases for record in phase]
    points = list(enumerate(records, start=1))

    def line(key: str) -> list[tuple[float, float]]:
        return [(x, record[key]) for x, record in points if key in record]

    cut = len(history["dense"])
    marks = [(cut + 0.5, "pruned")] if len(phases) == 2 else []

    def series(name: str, key: str, shown: Callable[[float], str], style: str = "a") -> Series:
        return Series(name, line(key), style, shown(line(key)[-1][1]))

    accuracy = [series("training", "accuracy", numbers.percent)]
    if line("val_accuracy"):
        accuracy.append(series("validation", "val_accuracy", numbers.percent, "b"))
    loss = [series("training", "loss", _three_digits)]
    charts = [
        line_chart("Accuracy", accuracy, lambda y: f"{100 * y:.4g} %", "epoch", marks),
        line_chart("Loss", loss, _three_digits, "epoch", marks),
    ]
    if line("S"):
        lines = [series("mean of layers", "S", _three_digits), *_layer_lines(points, cut)]
        charts.append(line_chart("Redundancy S", lines, _three_digits, "epoch", marks))
    words = _ABOUT_S if line("S") else ""
    return f'<h2>Training</h2>{words}<div class="charts">{"".join(charts)}</div>'


def _layer_lines(points: Sequence[tuple[int, dict[str, Any]]], cut: int) -> list[Series]:
    """S of every layer; the lines break where the layers changed."""
    names = dict.fromkeys(name for _, record in points for name in record.get("S_of", {}))
    lines = [
        [(float(x), r["S_of"][name]) for x, r in phase if name in r.get("S_of", {})]
        for name in names
        for phase in (points[:cut], points[cut:])
    ]
    return [Series("", line, "faint") for line in lines if line]


def _three_digits(value: float) -> str:
    return f"{value:.3g}"
