"""The network, drawn: at a glance, and layer by layer with its edges and kept widths."""

from collections.abc import Mapping
from typing import Any

from ccm_tf.reporting.content import Content
from ccm_tf.reporting.lanes import Row, lanes
from ccm_tf.reporting.markup import section, shortened, text
from ccm_tf.reporting.silhouette import scale_of, silhouette

# Pixels between two lanes, less where there are many, and what all of them may take.
_PITCH, _MOST = 13.0, 110.0
# Longer lists go into columns where the screen is wide.
_LONG = 24
_ABOUT = (
    "A whole bar is the dense layer, the filled part is what stays; grey bars had to keep "
    "everything. First all of the network from left to right: arcs are shortcuts, the numbers "
    "below are the size of the feature maps. Then layer by layer: lines lead from each to those "
    "that read it; layers that meet in a sum (+) keep the same channels."
)
_MEETINGS = {"Add": "+", "Concatenate": "joined", "Multiply": "×"}


def network(content: Content) -> str:
    """See `ccm_tf.reporting.sections`."""
    drawing = content.values.get("network")
    if not drawing or not drawing["nodes"]:
        return ""
    nodes = drawing["nodes"]
    made = [node for node in nodes if not node.get("merge") and node["kind"] != "Input"]
    kept, width = (sum(node[key] for node in made) for key in ("kept", "width"))
    title = f"{len(made)} layers with {kept:,} of {width:,} channels left"
    return section(
        "Width of each layer",
        _ABOUT,
        f'<div class="panel glance">{silhouette(drawing, title)}</div>{_list(drawing)}',
    )


def _list(drawing: Mapping[str, Any]) -> str:
    nodes, rows = drawing["nodes"], lanes(len(drawing["nodes"]), drawing["edges"])
    most = 1 + max(max((row.lane, *row.through, *row.arriving, *row.leaving)) for row in rows)
    pitch = min(_PITCH, _MOST / most)
    scale = scale_of(nodes)
    name = max(len(shortened(node["name"])) for node in nodes)
    count = max(len(f"{node['kept']:,} of {node['width']:,}") for node in nodes)
    style = f"--lanes:{most * pitch:.0f}px;--name:{name}ch;--count:{count}ch"
    long = " long" if len(nodes) > _LONG else ""
    items = "".join(_item(node, row, most, scale) for node, row in zip(nodes, rows, strict=True))
    return f'<ol class="panel net{long}" style="{style}">{items}</ol>'


def _item(node: Mapping[str, Any], row: Row, most: int, scale: int) -> str:
    edges = _edges(row, most)
    if node.get("merge"):
        word = _MEETINGS.get(node["kind"], node["kind"].lower())
        return f'<li class="merge">{edges}<span class="name">{text(word)}</span></li>'
    name, kept, width = node["name"], node["kept"], node["width"]
    style = "frozen" if node["frozen"] else ""
    style += " beyond" if width > scale else ""
    hint, said = text(f"{name} ({node['kind']})"), text(shortened(name))
    if node["kind"] == "Input":
        shape = " × ".join(map(str, (*node["size"], width)))
        return (
            f'<li class="input">{edges}<span class="name" title="{hint}">{said}</span>'
            f'<span class="count">{shape}</span></li>'
        )
    return (
        f'<li class="{style}">{edges}<span class="name" title="{hint}">{said}</span>'
        f'<span class="track" style="width:{min(100, 100 * width / scale):.2f}%">'
        f'<i style="width:{100 * kept / width:.2f}%"></i></span>'
        f'<span class="count"><b>{kept:,}</b> of {width:,}</span></li>'
    )


def _edges(row: Row, most: int) -> str:
    """The lanes in one row: 100 units high, stretched to the row's height; lanes 10 apart."""
    at = [10 * lane + 5 for lane in range(most)]
    own = at[row.lane]
    paths = [f"M{at[lane]},0V100" for lane in row.through]
    paths += [_bend(at[lane], 0, own) for lane in row.arriving]
    paths += [_bend(at[lane], 100, own) for lane in row.leaving]
    return (
        f'<svg class="lanes" viewBox="0 0 {10 * most} 100" preserveAspectRatio="none" '
        f'aria-hidden="true"><path d="{"".join(paths)}"/><path class="dot" d="M{own},50h0"/></svg>'
    )


def _bend(lane: int, edge: int, own: int) -> str:
    """From the upper or lower edge of the row to the node in its middle."""
    if lane == own:
        return f"M{lane},{edge}V50"
    return f"M{lane},{edge}C{lane},{(edge + 100) // 3} {own},{(edge + 100) // 3} {own},50"
