"""Training curves of a run."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ccm_tf.reporting import numbers
from ccm_tf.reporting.content import Content
from ccm_tf.reporting.lines import Series, line_chart
from ccm_tf.reporting.markup import section

_ABOUT_S = (
    "S is the mean absolute correlation between the channels of a layer, which CCM-loss drives "
    "up before pruning; thin lines are single layers. It is only measured during fine-tuning."
)
# What the mark says behind which a phase begins; rounds go by their numbers.
_BEGINS = {"finetuned": "pruned"}

Record = Mapping[str, Any]
Phase = list[tuple[int, Record]]


def training(content: Content) -> str:
    """Accuracy, loss and S over the epochs of all trainings, one behind the other."""
    history = content.values.get("history", {})
    phases = _phases(history)
    points = [point for phase in phases.values() for point in phase]
    if not points:
        return ""
    marks = [(phase[0][0] - 0.5, _word(name)) for name, phase in [*phases.items()][1:]]

    def series(name: str, key: str, shown: Callable[[float], str], style: str = "a") -> Series:
        line = [(float(x), record[key]) for x, record in points if key in record]
        return Series(name, line, style, shown(line[-1][1]) if line else "")

    def chart(title: str, lines: list[Series], shown: Callable[[float], str]) -> str:
        drawn = [one for one in lines if one.points]
        return line_chart(title, drawn, shown, "epoch", marks) if drawn else ""

    digits = numbers.three_digits
    accuracy = [
        series("training", "accuracy", numbers.percent),
        series("validation", "val_accuracy", numbers.percent, "b"),
    ]
    redundancy = series("mean of layers", "S", digits)
    layers = _layer_lines(list(phases.values())) if redundancy.points else []
    charts = (
        chart("Accuracy", accuracy, lambda y: f"{100 * y:.4g} %"),
        chart("Loss", [series("training", "loss", digits)], digits),
        chart("Redundancy S", [redundancy, *layers], digits),
    )
    about = _ABOUT_S if redundancy.points else ""
    return section("Training", about, f'<div class="charts">{"".join(charts)}</div>')


def _phases(history: Mapping[str, Sequence[Record]]) -> dict[str, Phase]:
    """Phases that there were, with epochs counted through."""
    phases, done = {}, 0
    for name, records in history.items():
        if records:
            phases[name] = list(enumerate(records, start=done + 1))
            done += len(records)
    return phases


def _word(name: str) -> str:
    return _BEGINS.get(name, name.replace("finetuned_", "round "))


def _layer_lines(phases: Sequence[Phase]) -> list[Series]:
    """S of every layer; the lines break where the layers changed."""
    records = [record for phase in phases for _, record in phase]
    names = dict.fromkeys(name for record in records for name in record.get("S_of", {}))
    lines = [
        [(float(x), r["S_of"][name]) for x, r in phase if name in r.get("S_of", {})]
        for name in names
        for phase in phases
    ]
    return [Series("", line, "faint") for line in lines if line]
