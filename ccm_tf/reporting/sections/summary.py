"""The head of the page: what it is about, and how much was won, in large figures."""

from collections.abc import Mapping
from typing import Any

from ccm_tf.reporting import numbers
from ccm_tf.reporting.content import Content, criterion_of, stages
from ccm_tf.reporting.markup import text
from ccm_tf.reporting.table import COLUMNS

_TARGETS = {
    "energy": "{} of its total",
    "macs": "at most {} of the MACs",
    "params": "at most {} of the parameters",
    "channels": "at most {} of the channels",
    "bytes": "at most {} of the bytes",
    "latency": "at most {} of the latency",
    "latency_ms": "a latency of at most {}",
}
# Key of a stage to the name of its figure and to how first and last value become the figure.
_FIGURES = {
    "accuracy": ("test accuracy", lambda first, last: numbers.percent(last)),
    "macs": ("MACs", lambda first, last: numbers.change(last, first)),
    "params": ("parameters", lambda first, last: numbers.change(last, first)),
    "bytes": ("file size", lambda first, last: numbers.change(last, first)),
    "latency_ms": ("speed", lambda first, last: f"{first / last:.1f} ×"),
}


def summary(content: Content) -> str:
    """See `ccm_tf.reporting.sections`."""
    values = content.values
    first, *_, last = stages(values)
    cards = "".join(
        _card(key, first[key], last[key])
        for key in _FIGURES
        if None not in (first.get(key), last.get(key))
    )
    said = [text(values.get("story", "")), _choice(values)]
    words = "; ".join(part for part in said if part)
    about = f"<p>{words[0].upper()}{words[1:]}.</p>" if words else ""
    head = f"<header><h1>{text(values['title'])}</h1>{about}</header>"
    return f'{head}<div class="cards">{cards}</div>'


def _card(key: str, first: float, last: float) -> str:
    name, shown = _FIGURES[key]
    column = COLUMNS[key]
    return (
        f'<div class="card"><div class="name">{name}</div>'
        f'<div class="value">{shown(first, last)}</div>'
        f'<div class="note">{column.shown(first)} → {column.shown(last)}</div></div>'
    )


def _choice(values: Mapping[str, Any]) -> str:
    """By what, and how far, channels were chosen; nothing where no plan chose them."""
    if "plan" not in values:
        return ""
    name, target = text(criterion_of(values)), values["plan"]["target"]
    if not target:
        return f"channels chosen by {name or 'hand'}"
    ((kind, value),) = target.items()
    kept = _TARGETS.get(kind, "{} " + text(kind)).format(_amount(kind, value))
    return f"channels chosen by {name or 'hand'} to keep {kept}"


def _amount(kind: str, value: float) -> str:
    if kind == "latency_ms":
        return numbers.milliseconds(value)
    return f"{100 * value:.3g} %" if value <= 1 else f"{value:,}"
