"""report.html: one file that needs no network."""

import html
import pathlib
from collections.abc import Sequence
from typing import Any

from tasks.report import numbers
from tasks.report.charts import share_chart
from tasks.report.correlations import Correlation
from tasks.report.curves import curves
from tasks.report.heatmap import heatmap
from tasks.report.table import COLUMNS, TITLES, columns

_STYLE = pathlib.Path(__file__).with_name("page.css")
# Spectra on the page; of more groups every second or third is shown.
_SPECTRA = 16

_TARGETS = {
    "energy": "{} of its total",
    "macs": "at most {} of the MACs",
    "params": "at most {} of the parameters",
    "channels": "at most {} of the channels",
    "bytes": "at most {} of the bytes",
}


def page(
    report: dict[str, Any], before: Sequence[Correlation], after: Sequence[Correlation]
) -> str:
    """The whole page.

    Args:
        report: Content of report.json.
        before: Correlation matrices of the dense network.
        after: Those of the final network, of the same layers.

    Returns:
        HTML.
    """
    sections = (
        _header(report),
        _numbers(report),
        _widths(report["layers"]),
        curves(report["history"]),
        _matrices(before, after),
        _spectra(report["groups"], report["plan"]["criterion"].get("name", "")),
        _frozen(report["layers"]),
        _settings(report),
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(report['title'])}</title><style>{_STYLE.read_text()}</style></head>"
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )


def final(report: dict[str, Any]) -> dict[str, Any]:
    """Row of the last network that there is."""
    return next(report[n] for n in ("tflite", "finetuned", "pruned", "dense") if report.get(n))


def _header(report: dict[str, Any]) -> str:
    dense, last = report["dense"], final(report)
    faster = dense["latency_ms"] / last["latency_ms"]
    values = {
        "macs": ("MACs", numbers.change(last["macs"], dense["macs"])),
        "params": ("parameters", numbers.change(last["params"], dense["params"])),
        "bytes": ("file size", numbers.change(last["bytes"], dense["bytes"])),
        "latency_ms": ("speed", f"{faster:.1f} ×"),
    }
    if last["accuracy"] is not None:
        values = {"accuracy": ("test accuracy", numbers.percent(last["accuracy"])), **values}
    cards = [_card(name, key, report, value) for key, (name, value) in values.items()]
    return (
        f"<header><h1>{html.escape(report['title'])}</h1><p>{html.escape(report['story'])}; "
        f'{_choice(report["plan"])}.</p></header><div class="cards">{"".join(cards)}</div>'
    )


def _choice(plan: dict[str, Any]) -> str:
    if not plan["target"]:
        return "channels chosen by hand"
    ((kind, value),) = plan["target"].items()
    target = _TARGETS[kind].format(f"{100 * value:.3g} %" if value <= 1 else f"{value:,}")
    return f"channels chosen by {html.escape(plan['criterion']['name'])} to keep {target}"


def _card(name: str, key: str, report: dict[str, Any], value: str) -> str:
    shown = COLUMNS[key][1]
    note = f"{shown(report['dense'][key])} → {shown(final(report)[key])}"
    return (
        f'<div class="card"><div class="name">{name}</div><div class="value">{value}</div>'
        f'<div class="note">{note}</div></div>'
    )


def _numbers(report: dict[str, Any]) -> str:
    head = "".join(f"<th>{title}</th>" for title, _ in columns(report).values())
    rows = []
    for name, title in TITLES.items():
        row, dense = report.get(name), report["dense"]
        if not row:
            continue
        cells = []
        for key, (_, shown) in columns(report).items():
            relative = numbers.change(row[key], dense[key])
            note = "" if name == "dense" or key == "accuracy" else f"<small>{relative}</small>"
            cells.append(f"<td>{shown(row[key])}{note}</td>")
        last = ' class="final"' if row is final(report) else ""
        rows.append(f"<tr{last}><td>{title}</td>{''.join(cells)}</tr>")
    how = "; ".join(f"{COLUMNS[key][0]}: {text}" for key, text in report["how"].items())
    sliced = report["sliced"]["accuracy"]
    folded = report["run"]["flags"].get("fold", "none") != "none"
    cut = "folding the removed channels into the next layers" if folded else "the cut"
    right_after = (
        "" if sliced is None else (f"; right after {cut} accuracy was {numbers.percent(sliced)}")
    )
    return (
        f"<h2>Before and after</h2><p>{html.escape(how[0].upper() + how[1:])}. “Pruned” is after "
        f"recalibrating batch normalisation{right_after}.</p>"
        f'<div class="panel"><table><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _widths(layers: Sequence[dict[str, Any]]) -> str:
    widest = max(row["width"] for row in layers)
    rows = []
    for row in layers:
        others = len(row["layers"]) - 1
        name = html.escape(row["layers"][0]) + (f" + {others} tied" if others else "")
        frozen = "frozen" if row["frozen"] == row["width"] else ""
        rows.append(
            f'<span class="name" title="{html.escape(", ".join(row["layers"]))}">{name}</span>'
            f'<span class="{frozen}"><div class="track" '
            f'style="width:{100 * row["width"] / widest:.2f}%"><div class="fill" '
            f'style="width:{100 * row["kept"] / row["width"]:.2f}%"></div></div></span>'
            f'<span class="count"><b>{row["kept"]}</b> of {row["width"]}</span>'
        )
    return (
        "<h2>Width of each layer</h2><p>The whole bar is the dense layer, the filled part is what "
        "stays. Layers that are added to each other keep the same channels and share a bar; grey "
        f'bars must keep everything.</p><div class="panel bars">{"".join(rows)}</div>'
    )


def _matrices(before: Sequence[Correlation], after: Sequence[Correlation]) -> str:
    if not before:
        return ""
    figures = []
    for dense, slim in zip(before, after, strict=True):
        halves = "".join(
            f"<div>{heatmap(c.matrix, f'{word}: correlation of {html.escape(c.layer)}')}<p>{word}: "
            f"<b>{len(c.matrix)}</b> channels, mean |r| <b>{c.mean_abs:.2f}</b>, 90 % of the "
            f"variance in <b>{c.components}</b></p></div>"
            for word, c in (("Before", dense), ("After", slim))
        )
        figures.append(
            f"<figure><figcaption>{html.escape(dense.layer)}</figcaption>"
            f'<div class="pair">{halves}</div></figure>'
        )
    return (
        "<h2>Correlation between channels</h2><p>Over all images and pixels, dense network and "
        'final network. −1<span class="scale"></span>+1. Channels are sorted so that those which '
        f'go together stand together.</p><div class="charts">{"".join(figures)}</div>'
    )


def _spectra(groups: Sequence[dict[str, Any]], criterion: str) -> str:
    if not groups:
        return ""
    step = max(1, -(-len(groups) // _SPECTRA))
    what = (
        "Share of the variance that the first principal components hold"
        if criterion == "pca"
        else f"Share of the total score of “{html.escape(criterion)}” that the best channels hold"
    )
    charts = [
        share_chart(row["name"], row["scores"], row["kept"], row["width"]) for row in groups[::step]
    ]
    some = f" One in {step} groups is shown." if step > 1 else ""
    return (
        f"<h2>Why these widths</h2><p>{what}, and where the cut is. The sooner a curve is flat, "
        f'the more redundant the layer.{some}</p><div class="charts small">{"".join(charts)}</div>'
    )


def _frozen(layers: Sequence[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(row['layers'][0])}</td><td>{row['frozen']} of {row['width']}</td>"
        f'<td class="words">{html.escape("; ".join(row["reasons"]))}</td></tr>'
        for row in layers
        if row["frozen"]
    )
    if not rows:
        return ""
    return (
        "<h2>What had to stay, and why</h2><p>Channels that nothing may remove.</p>"
        '<div class="panel"><table><thead><tr><th>layer</th><th>channels</th>'
        f"<th></th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _settings(report: dict[str, Any]) -> str:
    run = report["run"]
    flags = " ".join(
        f"--{name}={','.join(value) if isinstance(value, list) else value}"
        for name, value in run["flags"].items()
        if value not in (None, "", []) and name != "network"
    )
    order = " in the order blue, green, red" if run.get("bgr") else ""
    mean, std = (", ".join(f"{v:.4f}" for v in run[key]) for key in ("mean", "std"))
    return (
        f"<h2>Settings</h2><p>{html.escape(run['images'])}.</p>"
        f'<div class="panel"><pre><code>{html.escape(flags)}</code></pre></div>'
        f"<footer>Input of the model: (pixels / 255 − mean) / std with mean ({mean}) and std "
        f"({std}){order}. Keras {html.escape(run['keras'])} on {html.escape(run['backend'])}. "
        f"The same numbers are in report.json. {html.escape(report['credits'])}</footer>"
    )
