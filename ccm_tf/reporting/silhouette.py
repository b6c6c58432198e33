"""A network at a glance: every layer a bar, as high as the layer is wide, with its shortcuts."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccm_tf.reporting.markup import text

# Sizes in the drawing's own units. It is stretched to the width of the page, so it holds no words
# and no circles.
_BAR, _JOINT, _GAP, _ARCS, _BARS = 8.0, 3.0, 2.0, 26.0, 100.0
# How far an arc rises above what it passes: at least, and by every node more.
_RISE, _STEP = 7.0, 1.2
# Shares of the picture below which a size would not fit under its layers, even on a phone.
_LEAST_SHARE = 0.16


def silhouette(network: Mapping[str, Any], title: str) -> str:
    """The picture, and the sizes of the feature maps below it.

    Args:
        network: What `ccm_tf.reporting.network.network_of` returned.
        title: For those who cannot see it.

    Returns:
        HTML.
    """
    nodes = network["nodes"]
    places, width = _places(nodes)
    scale = scale_of(nodes)
    tops = [_top(0 if node.get("merge") else _height(node["width"], scale)) for node in nodes]
    body = [_arc(places, tops, edge) for edge in network["edges"] if edge[1] - edge[0] > 1]
    for node, (left, right) in zip(nodes, places, strict=True):
        body.append(_joint(left, right) if node.get("merge") else _bars(node, left, right, scale))
    height = _ARCS + _BARS
    return (
        f'<svg class="silhouette" viewBox="0 0 {width:.1f} {height:.0f}" role="img" '
        f'preserveAspectRatio="none"><title>{text(title)}</title>{"".join(body)}</svg>'
        f"{_bands(nodes, places, width)}"
    )


def scale_of(nodes: Sequence[Mapping[str, Any]]) -> int:
    """The width that fills a bar: that of the widest layer that could lose channels.

    A classifier of a thousand classes would make all other layers look thin.

    Args:
        nodes: Nodes of a drawing.
    """
    made = [node for node in nodes if node["kind"] != "Input" and not node.get("merge")]
    free = [node["width"] for node in made if not node["frozen"]]
    return max(free or [node["width"] for node in nodes])


def _places(nodes: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[float, float]], float]:
    """Left and right end of every node, and the width of all."""
    places, at = [], 0.0
    for node in nodes:
        size = _JOINT if node.get("merge") else _BAR
        places.append((at, at + size))
        at += size + _GAP
    return places, at - _GAP


def _bars(node: Mapping[str, Any], left: float, right: float, scale: int) -> str:
    whole, kept = (_height(node[key], scale) for key in ("width", "kept"))
    style = "frozen" if node["frozen"] else "kept"
    said = f"{node['name']}: {node['kept']:,} of {node['width']:,}"
    return (
        f"<g><title>{text(said)}</title>"
        f"{_bar('dense', left, right, whole)}{_bar(style, left, right, kept)}</g>"
    )


def _bar(style: str, left: float, right: float, height: float) -> str:
    return (
        f'<rect class="{style}" x="{left:.1f}" y="{_top(height):.2f}" width="{right - left:.1f}" '
        f'height="{height:.2f}"/>'
    )


def _height(width: int, scale: int) -> float:
    """Of a bar: at least a line however few channels, at most the whole."""
    return min(max(_BARS * width / scale, 0.8), _BARS)


def _top(height: float) -> float:
    return _ARCS + (_BARS - height) / 2


def _joint(left: float, right: float) -> str:
    middle = _ARCS + _BARS / 2
    return (
        f'<line class="joint" x1="{left:.1f}" y1="{middle}" x2="{right:.1f}" y2="{middle}" '
        'vector-effect="non-scaling-stroke"/>'
    )


def _arc(places: Sequence[tuple[float, float]], tops: Sequence[float], edge: Sequence[int]) -> str:
    """From the top of one node over all between to the top of another."""
    first, last = edge
    start, end = (sum(places[node]) / 2 for node in edge)
    peak = max(1.0, min(tops[first : last + 1]) - _RISE - _STEP * (last - first))
    # A cubic curve goes three quarters of the way from its ends to its handles.
    handle = peak - (tops[first] + tops[last] - 2 * peak) / 6
    return (
        f'<path class="arc" vector-effect="non-scaling-stroke" d="M{start:.1f},{tops[first]:.1f} '
        f'C{start:.1f},{handle:.1f} {end:.1f},{handle:.1f} {end:.1f},{tops[last]:.1f}"/>'
    )


def _bands(
    nodes: Sequence[Mapping[str, Any]], places: Sequence[tuple[float, float]], width: float
) -> str:
    """Sizes of the feature maps, each as wide as the layers that have it."""
    bands: list[tuple[str, float, float]] = []
    for node, (left, right) in zip(nodes, places, strict=True):
        size = "×".join(map(str, node["size"]))
        if bands and bands[-1][0] == size:
            bands[-1] = (size, bands[-1][1], right)
        else:
            bands.append((size, left, right))
    cells = "".join(
        f'<span style="flex-grow:{right - left:.1f}">'
        f"{size if (right - left) / width >= _LEAST_SHARE else ''}</span>"
        for size, left, right in bands
    )
    return f'<div class="bands" aria-hidden="true">{cells}</div>'
