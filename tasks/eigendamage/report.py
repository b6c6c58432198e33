"""Stage `report` of a run with rounds: what every round left, and the spectra behind it."""

import html
from typing import Any

import keras
import numpy as np

import ccm_tf
from ccm_tf.files import write_json, write_text
from ccm_tf.kfe.blocks import ENTER, LEAVE
from tasks.evaluation import accuracy
from tasks.job import Job

KINDS = ("pruned", "finetuned")
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;"
    "color:#222}table{border-collapse:collapse;margin:1em 0;display:block;overflow-x:auto}"
    "td,th{padding:.25em .8em;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left}svg{vertical-align:middle}"
)


def layer_rows(plan: Any, slim: keras.Model) -> list[dict[str, Any]]:
    """Spectra, kept directions and the size of each stage, layer by layer."""
    rows = []
    names = {layer.name: layer for layer in slim.layers}
    for name, spectrum in getattr(plan, "spectra", {}).items():
        stages = [ENTER.format(name), name, LEAVE.format(name)]
        rows.append(
            {
                "name": name,
                "inputs": len(spectrum.input_values),
                "outputs": len(spectrum.output_values),
                "kept_inputs": len(spectrum.kept_inputs),
                "kept_outputs": len(spectrum.kept_outputs),
                "stages": [names[n].count_params() for n in stages if n in names],
                "input_values": spectrum.input_values.tolist(),
                "output_values": spectrum.output_values.tolist(),
            }
        )
    return rows


def run(job: Job) -> None:
    """Measures every network of the run and writes it down."""
    rounds = job.settings.rounds
    dense = _measured(job, "dense")
    found = []
    for number in range(1, len(rounds.ratios) + 1):
        row = job.read_json(f"round_{number}.json")
        row["round"] = number
        for kind in KINDS:
            row[kind] = _measured(job, f"{kind}_{number}")
        found.append(row)
    result = {
        "run": job.read_json("run.json"),
        "method": rounds.method,
        "protocol": rounds.protocol,
        "dense": dense,
        "rounds": found,
    }
    write_text(job.path("report.html"), page(result))
    write_json(job.path("report.json"), result)
    show(job)


def _measured(job: Job, name: str) -> dict[str, Any]:
    model = keras.saving.load_model(job.path(f"{name}.keras"), compile=False)
    counted = ccm_tf.profile(model, convention="eigendamage")
    test = job.dataset.batches("test", 256)
    return {
        "accuracy": accuracy(model, test, f"testing {name}"),
        "params": counted.params,
        "flops": counted.flops,
        "macs": counted.macs,
    }


def show(job: Job) -> None:
    """Prints the table and where the page is."""
    print("\n".join(table(job.read_json("report.json"))))
    print(f"Report: {job.path('report.html')}")


def table(result: dict[str, Any]) -> list[str]:
    """One line for the dense network and one for each round."""
    lines = [
        f"{'network':<18}{'accuracy':>10}{'after cut':>11}{'recalibrated':>14}{'weights':>14}"
        f"{'FLOPs':>16}"
    ]
    dense = result["dense"]
    lines.append(
        f"{'dense':<18}{dense['accuracy']:>10.2%}{'':>25}{dense['params']:>14,}{dense['flops']:>16,}"
    )
    for row in result["rounds"]:
        after = row["finetuned"]
        name = f"round {row['round']} ({row['ratio']:.0%})"
        lines.append(
            f"{name:<18}{after['accuracy']:>10.2%}{row['cut_accuracy']:>11.2%}"
            f"{row['recalibrated_accuracy']:>14.2%}{after['params']:>14,}{after['flops']:>16,}"
        )
    return lines


def page(result: dict[str, Any]) -> str:
    """A page of its own, without scripts or outside files."""
    dense = result["dense"]
    title = f"{result['method']}, {result['protocol'].replace('_', ' ')}"
    rows = "".join(
        f"<tr><td>round {row['round']}, {row['ratio']:.0%} dropped</td>"
        f"<td>{row['finetuned']['accuracy']:.2%}</td><td>{row['cut_accuracy']:.2%}</td>"
        f"<td>{row['recalibrated_accuracy']:.2%}</td>"
        f"<td>{1 - row['finetuned']['params'] / dense['params']:.1%}</td>"
        f"<td>{1 - row['finetuned']['flops'] / dense['flops']:.1%}</td></tr>"
        for row in result["rounds"]
    )
    sections = "".join(_round(row) for row in result["rounds"] if row["layers"])
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{html.escape(title)}</h1><p>Dense: {dense['accuracy']:.2%} of the test images, "
        f"{dense['params']:,} weights, {dense['flops']:,} FLOPs.</p>"
        "<table><tr><th>network</th><th>accuracy</th><th>right after the cut</th>"
        "<th>recalibrated</th><th>weights saved</th><th>FLOPs saved</th></tr>"
        f"{rows}</table>{sections}</html>\n"
    )


def _round(row: dict[str, Any]) -> str:
    lines = "".join(
        f"<tr><td>{html.escape(layer['name'])}</td>"
        f"<td>{_spectrum(layer['input_values'])}</td>"
        f"<td>{layer['kept_inputs']} of {layer['inputs']}</td>"
        f"<td>{_spectrum(layer['output_values'])}</td>"
        f"<td>{layer['kept_outputs']} of {layer['outputs']}</td>"
        f"<td>{' + '.join(f'{size:,}' for size in layer['stages'])}</td></tr>"
        for layer in row["layers"]
    )
    return (
        f"<h2>Round {row['round']}</h2><p>Spectra from the largest eigenvalue down, logarithmic "
        "over eight decades.</p><table><tr><th>layer</th><th>λ of the inputs</th>"
        "<th>inputs kept</th><th>λ of the gradients</th><th>outputs kept</th>"
        f"<th>weights of each stage</th></tr>{lines}</table>"
    )


def _spectrum(values: list[float], width: int = 120, height: int = 28) -> str:
    """A small line of eigenvalues, as SVG."""
    falling = np.array(values[::-1])
    floor = 1e-8 * max(falling[0], 1e-300)
    heights = np.log10(np.maximum(falling, floor) / floor) / 8
    x = np.linspace(1, width - 1, len(falling))
    points = " ".join(
        f"{a:.1f},{height - 1 - b * (height - 2):.1f}" for a, b in zip(x, heights, strict=True)
    )
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="spectrum">'
        f'<polyline points="{points}" fill="none" stroke="#2a5d9f" stroke-width="1.5"/></svg>'
    )
