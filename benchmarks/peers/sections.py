"""The tables of the page, each from its part of the results; nothing where the part is missing."""

from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.accuracy import tables
from benchmarks.peers.methods import OURS, THEIRS
from ccm_tf.reporting import numbers

STAGES = {"pruned": "as cut", "recalibrated": "recalibrated", "finetuned": "fine-tuned"}
# The method of ours whose channels tfmot's zeros are compared with.
LIKE = "magnitude"
_KEYS = {OURS: "ccm_tf", THEIRS: "torch"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table with an empty line around it."""
    return ["", *tables.table(head, rows), ""]


def budgets_of(rows: list[dict]) -> list[float]:
    """Budgets from large to small."""
    return sorted({row["budget"] for row in rows}, reverse=True)


def row_of(rows: list[dict], tool: str, method: str, budget: float) -> dict | None:
    """The row of a method; `None` if it was not run yet."""
    wanted = (tool, method, budget)
    return next((r for r in rows if (r["tool"], r["method"], r["budget"]) == wanted), None)


def accuracy(found: dict[str, Any]) -> list[str]:
    """Accuracy and size of every network."""
    lines = []
    head = ("tool", "method", "parameters", "MACs", *STAGES.values())
    for budget in budgets_of(found["rows"]):
        rows = [
            (
                row["tool"],
                row["method"],
                numbers.count(row["params"]),
                f"{numbers.count(row['macs'])} ({row['macs'] / found['dense']['macs']:.1%})",
                *_accuracies(row["accuracy"]),
            )
            for row in found["rows"]
            if row["budget"] == budget
        ]
        lines += [f"## Accuracy at {budget:.0%} of the MACs", *table(head, rows)]
    return lines


def times(found: dict[str, Any]) -> list[str]:
    """Seconds of every pruning, and what finding Torch-Pruning's share of channels cost."""
    rows = []
    for row in found["rows"]:
        search, seconds = row.get("search"), row["time"]
        shares, searched = "–", "–"
        if search:
            met = "" if search["within"] else ", not within 1 %"
            shares = f"{search['ratio']:.3f} in {search['tries']} tries{met}"
            searched = numbers.three_digits(row["search_processor_seconds"])
        shown = numbers.three_digits(seconds["processor_seconds"])
        about = (f"{row['budget']:.0%}", row["tool"], row["method"])
        rows.append((*about, shown, f"{seconds['repeats']}", shares, searched))
    if not rows:
        return []
    head = ("MACs", "tool", "method", "one pruning", "runs", "share of channels", "search")
    return [
        "## Seconds to plan and rewrite",
        "",
        "Processor seconds of all threads, medians of so many runs; tracing, statistics, gradients",
        "and choice included. ccm_tf takes a budget. Torch-Pruning takes a share of channels: one",
        "pruning is with the share known, the search is what finding it cost, its gradients (where",
        "there are some) computed once. Other programs shared the machine: what takes less than a",
        "second is rough, and where the search took less than one pruning, which it contains, the",
        "latter was disturbed.",
        *table(head, rows),
    ]


def large(found: dict[str, Any]) -> list[str]:
    """Times on larger networks, and how faithful the rewriting is."""
    rows = []
    for name, entry in found["large"].items():
        seconds = {t: entry[key]["time"]["processor_seconds"] for t, key in _KEYS.items()}
        for tool, key in _KEYS.items():
            shown = numbers.three_digits(seconds[tool])
            ratio = f"{seconds[tool] / seconds[THEIRS]:.1f}"
            rows.append((name, tool, shown, ratio, f"{entry[key]['masked_difference']:.0e}"))
    if not rows:
        return []
    head = ("network", "tool", "processor seconds", "× Torch-Pruning", "off the masked network")
    return [
        "## Larger networks, random weights",
        "",
        "Magnitude (ours) and group L2 (theirs), all layers ranked together, half of the MACs. The",
        "last column is how far the outputs of the pruned network are from those of the dense one",
        "with the same channels at zero, relative to the largest output. Where the rewriting is",
        "faithful that is rounding.",
        *_unfaithful(found),
        *table(head, rows),
    ]


def _unfaithful(found: dict[str, Any], rounding: float = 1e-4) -> list[str]:
    """What is to be said where Torch-Pruning's networks are not those with the same zeros."""
    off = [n for n, e in found["large"].items() if e["torch"]["masked_difference"] > rounding]
    if not off:
        return []
    return [
        f"It is not with Torch-Pruning in {', '.join(off)}, whose shortcuts put channels of zeros",
        "in front and behind: it takes padding as element-wise, without a warning, and couples",
        "channels that do not meet. Such a network runs, but its shortcuts then carry channels to",
        "wrong places.",
    ]


def zeros(found: dict[str, Any]) -> list[str]:
    """Zeros against removed channels: accuracy, size, latency."""
    rows = []
    for budget, sparse in found["zeros"].items():
        channels = row_of(found["rows"], OURS, LIKE, float(budget))
        accuracies = {
            "dense": {"finetuned": found["dense"]["accuracy"]},
            "channels": channels["accuracy"] if channels else {},
            "zeros": sparse["accuracy"],
        }
        for name, accuracies_of in accuracies.items():
            left = 1.0 if name == "dense" else 1 - sparse["zeros"]
            file, dense = sparse["files"][name], sparse["files"]["dense"]
            sizes = (numbers.size(file["bytes"]), numbers.size(file["gzip_bytes"]))
            faster = dense["processor_ms"] / file["processor_ms"]
            spent = (numbers.milliseconds(file["processor_ms"]), f"{faster:.2f}")
            about = (f"{float(budget):.0%}", name, f"{left:.1%}")
            rows.append((*about, *_accuracies(accuracies_of), *sizes, *spent))
    if not rows:
        return []
    head = ("MACs", "network", "kernel weights left", *STAGES.values(), "file", "gzip")
    return [
        "## Zeros (tfmot) against removed channels",
        "",
        "tfmot's `prune_low_magnitude` sets so many weights of every kernel to zero that as many",
        f"stay as with the channels that {LIKE} keeps at that part of the MACs. Float32 LiteRT",
        "files, one thread, in turns by budget. tfmot's zeros grow over the first half of the",
        "steps, as its guide has it; *as cut* and *recalibrated* are with all zeros at once.",
        *table((*head, "processor time", "× faster"), rows),
    ]


def _accuracies(found: dict[str, float]) -> list[str]:
    return [numbers.percent(found[stage]) if stage in found else "–" for stage in STAGES]
