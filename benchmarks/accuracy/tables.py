"""Tables of trained and of pruned networks."""

from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.accuracy.summary import GROUP_LABELS, Group

_REDUNDANCY = {
    "mean_map": "S over mean maps, by layer",
    "samples": "S over samples, by layer",
    "k90": "Principal components that hold 90 % of the correlation over samples, by layer",
}


def dense_networks(groups: list[Group]) -> list[str]:
    """Accuracy and time of trained networks, and the redundancy of every feature map."""
    lines = _dense(groups)
    for key, title in _REDUNDANCY.items():
        lines += ["", f"#### {title}", "", *_layers(groups, key)]
    return lines


def _dense(groups: list[Group]) -> list[str]:
    rows = []
    for g in groups:
        layers = [x for r in g.rows for x in r["record"]["redundancy"] if x["correlated"]]
        means = [sum(x[key] for x in layers) / len(layers) for key in ("mean_map", "samples")]
        shares = [x["k90"] / x["channels"] for x in layers]
        rows.append(
            [
                g.label("training"),
                spread(g),
                f"{means[0]:.3f}",
                f"{means[1]:.3f}",
                f"{100 * sum(shares) / len(shares):.0f} %",
                f"{g.values('record', 'seconds').mean() / 60:.1f}",
                f"{_images_per_second(g, np.median):.0f}",
                f"{_images_per_second(g, np.min):.0f}",
            ]
        )
    head = ["training", "test accuracy", "S, mean maps", "S, samples", "k90 of channels"]
    return table([*head, "minutes", "images/s, median epoch", "images/s, fastest epoch"], rows)


def _images_per_second(g: Group, pick) -> float:
    """Over epochs and seeds; a pause or a busy machine slows single epochs."""
    seconds = [epoch["seconds"] for row in g.rows for epoch in row["record"]["epochs"]]
    return g.rows[0]["record"]["data"]["train_images"] / float(pick(seconds))


def _layers(groups: list[Group], key: str) -> list[str]:
    if not groups:
        return []
    layers = groups[0].rows[0]["record"]["redundancy"]
    head = ["training", *(f"{layer['layer']} ({layer['channels']})" for layer in layers)]
    digits = 0 if key == "k90" else 2
    rows = []
    for g in groups:
        seeds = [r["record"]["redundancy"] for r in g.rows]
        means = [sum(s[i][key] for s in seeds) / len(seeds) for i in range(len(layers))]
        rows.append([g.label("training"), *(f"{mean:.{digits}f}" for mean in means)])
    return table(head, rows)


def pruned_networks(groups: list[Group]) -> list[str]:
    """One line per budget, training and criterion, one column per stage."""
    stages = list(dict.fromkeys(g.label("stage") for g in groups))
    budgets: dict[tuple, dict[str, Group]] = {}
    for g in groups:
        key = (g.label("training"), g.label("macs"), g.label("criterion"))
        budgets.setdefault(key, {})[g.label("stage")] = g
    rows = []
    for (training, macs, criterion), found in sorted(
        budgets.items(), key=lambda item: (-item[0][1],)
    ):
        sizes = list(found.values())
        rows.append(
            [
                f"{100 * macs:g} %",
                training,
                criterion,
                _span([g.values("params").mean() / 1e3 for g in sizes], 0, "k"),
                _span([g.values("macs_count").mean() / 1e6 for g in sizes], 2, "M"),
                *(spread(found[stage]) if stage in found else "–" for stage in stages),
            ]
        )
    return table(["MACs", "training", "criterion", "params", "MACs left", *stages], rows)


def _span(values: list[float], digits: int, unit: str) -> str:
    """A number, or the least and the largest where stages differ."""
    ends = dict.fromkeys(f"{value:.{digits}f}" for value in (min(values), max(values)))
    return f"{'–'.join(ends)} {unit}"


def folding(groups: list[Group]) -> list[str]:
    """What folding gains over slicing, in points; empty if nothing was folded.

    Pairs of stages that differ in nothing but the way in which the channels went.
    """
    found = {g.key: g for g in groups}
    at = GROUP_LABELS.index("stage")
    stages = [s for s in dict.fromkeys(g.label("stage") for g in groups) if s.startswith("fold")]
    plain = {stage: stage.removeprefix("fold+") if "+" in stage else "slice" for stage in stages}
    rows: dict[tuple, dict[str, str]] = {}
    for g in groups:
        stage = g.label("stage")
        before = found.get((*g.key[:at], plain.get(stage), *g.key[at + 1 :]))
        if stage in plain and before is not None:
            row = rows.setdefault((g.label("macs"), g.label("training"), g.label("criterion")), {})
            row[stage] = f"{g.accuracy - before.accuracy:+.2f} (to {g.accuracy:.2f})"
    head = ["MACs", "training", "criterion", *(f"{s} over {plain[s]}" for s in stages)]
    body = [
        [f"{100 * macs:g} %", training, criterion, *(row.get(stage, "–") for stage in stages)]
        for (macs, training, criterion), row in sorted(rows.items(), key=lambda kv: -kv[0][0])
    ]
    return table(head, body) if body else []


def spread(g: Group) -> str:
    """Mean, spread and number of seeds of a group's accuracy."""
    if g.spread is None:
        return f"{g.accuracy:.2f} (1)"
    return f"{g.accuracy:.2f} ± {g.spread:.2f} ({len(g.rows)})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
