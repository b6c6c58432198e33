"""Rounds: what each took away, and what accuracy was at every step of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccm_tf.reporting import numbers
from ccm_tf.reporting.content import Content, stages
from ccm_tf.reporting.markup import section, table

# Shares of a round, and their titles; those that a run does not know are left out.
_SHARES = {
    "ratio": "dropped",
    "cut_accuracy": "right after the cut",
    "recalibrated_accuracy": "recalibrated",
    "score": "recovered, validation images",
    "accuracy": "fine-tuned",
}
_SIZES = {"params": "weights", "macs": "MACs"}
_STARTS = {
    "iterative": "Every round goes on with what the one before left.",
    "one_pass": "Every round starts from the dense network.",
}


def rounds(content: Content) -> str:
    """See `ccm_tf.reporting.sections`."""
    values = content.values
    found = [_with_stage(values, row) for row in values.get("rounds", ())]
    if not found:
        return ""
    keys = [key for key in (*_SHARES, *_SIZES) if any(row.get(key) is not None for row in found)]
    head = ["round", *({**_SHARES, **_SIZES}[key] for key in keys)]
    rows = [_row(values, keys, row) for row in found]
    words = "Accuracy on test images where nothing else is said; weights and MACs against dense."
    about = " ".join([words, *_given(_STARTS.get(values.get("protocol", "")))])
    return section("Rounds", about, table(head, rows))


def _with_stage(values: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """A round with the figures of the network that it ended with, if that is a stage."""
    after = values.get(f"finetuned_{row['round']}", {})
    return {**{key: after.get(key) for key in ("accuracy", *_SIZES)}, **row}


def _row(values: Mapping[str, Any], keys: Sequence[str], row: Mapping[str, Any]) -> list[str]:
    dense, cells = stages(values)[0], [f"{row['round']}"]
    for key in keys:
        value = row.get(key)
        if value is None:
            cells.append("–")
        elif key in _SIZES:
            cells.append(numbers.change(value, dense[key]))
        else:
            cells.append(numbers.percent(value))
    return cells


def _given(words: str | None) -> list[str]:
    return [words] if words else []
