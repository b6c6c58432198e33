"""Spectra of the factors that a method of directions works with, layer by layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ccm_tf.reporting.axes import polyline, svg
from ccm_tf.reporting.content import Content
from ccm_tf.reporting.markup import figure, section

_LAYERS = 16
_SIZE = (160, 60)
_DECADES = 8
_POINTS = 200
_ABOUT = (
    "Eigenvalues λ of a layer’s inputs and of the gradients at its outputs, from the largest "
    f"down, logarithmic over {_DECADES} decades. The steeper they fall, the fewer directions "
    "matter."
)


def directions(content: Content) -> str:
    """See `ccm_tf.reporting.sections`."""
    found = [rows for rows in content.values.get("directions", ()) if rows["layers"]]
    return "".join(_part(rows["title"], rows["layers"]) for rows in found)


def _part(title: str, layers: Sequence[Mapping[str, Any]]) -> str:
    step = -(-len(layers) // _LAYERS)
    some = f" One in {step} layers is shown." if step > 1 else ""
    charts = "".join(map(_figure, layers[::step]))
    return section(f"Spectra: {title}", _ABOUT + some, f'<div class="charts small">{charts}</div>')


def _figure(layer: Mapping[str, Any]) -> str:
    halves = _half(layer, "input", "inputs") + _half(layer, "output", "gradients")
    stages = " + ".join(f"{size:,}" for size in layer["stages"])
    weights = f'<p class="note">Weights: {stages}</p>'
    return figure(layer["name"], f'<div class="pair">{halves}</div>{weights}')


def _half(layer: Mapping[str, Any], side: str, words: str) -> str:
    curve = _curve(layer[f"{side}_values"], f"{layer['name']}: eigenvalues of the {words}")
    kept, all_of_them = layer[f"kept_{side}s"], layer[f"{side}s"]
    return f"<div>{curve}<p>{words}: <b>{kept:,}</b> of {all_of_them:,}</p></div>"


def _curve(ascending: Sequence[float], title: str) -> str:
    falling = np.asarray(ascending, np.float64)[::-1]
    places = np.unique(np.linspace(0, len(falling) - 1, _POINTS).round().astype(int))
    largest = max(float(falling[0]), 1e-300)
    decades = np.log10(np.maximum(falling[places] / largest, 10.0**-_DECADES))
    width, height = _SIZE
    x = 2 + places / max(len(falling) - 1, 1) * (width - 4)
    y = 2 - decades / _DECADES * (height - 4)
    corners = list(zip(x.tolist(), y.tolist(), strict=True))
    return svg([polyline("a", corners)], title, _SIZE, "curve")
