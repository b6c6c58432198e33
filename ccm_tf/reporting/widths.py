"""How wide every layer was and is, and why channels had to stay."""

from collections.abc import Mapping, Sequence
from typing import Any

from ccm_tf.graph import ChannelGraph
from ccm_tf.pruning_plan import PruningPlan


def layer_rows(graph: ChannelGraph, kept: Mapping[str, int]) -> list[dict[str, Any]]:
    """One row for all layers that make the same channels, as those of a residual stream do.

    Args:
        graph: The graph of the dense model.
        kept: Name of a layer to how many channels stay; others keep all of theirs.

    Returns:
        Rows with `layers` (names), `width`, `kept`, `frozen` (counts) and `reasons`.
    """
    rows: dict[bytes, dict] = {}
    for producer in graph.producers:
        frozen = producer.roots[graph.is_frozen(producer.roots)]
        row = rows.setdefault(
            producer.roots.tobytes(),
            {
                "layers": [],
                "width": len(producer.roots),
                "kept": kept.get(producer.name, len(producer.roots)),
                "frozen": len(frozen),
                "reasons": list(graph.reasons_for(frozen)),
            },
        )
        row["layers"].append(producer.name)
    return list(rows.values())


def group_rows(
    plan: PruningPlan, graph: ChannelGraph, scores: Mapping[str, Sequence[float]]
) -> list[dict[str, Any]]:
    """One row for every group that a criterion ranked.

    Args:
        plan: The plan.
        graph: The graph of the model that it is for.
        scores: Name of a group to the scores of its channels, highest first.

    Returns:
        Rows with `name`, `width`, `kept` and `scores`.
    """
    mask = plan.root_mask(graph)
    return [
        {
            "name": group.name,
            "width": len(group.roots),
            "kept": int(mask[group.roots].sum()),
            "scores": list(scores[group.name]),
        }
        for group in graph.groups
        if group.name in scores
    ]


def kept_counts(plan: PruningPlan) -> dict[str, int]:
    """Name of a layer to how many of its channels a plan keeps."""
    return {name: len(channels) for name, channels in plan.kept.items()}


def cut_lines(plan: PruningPlan, graph: ChannelGraph) -> list[str]:
    """What a plan cuts, what it leaves alone and why, and what that saves, for a terminal.

    Args:
        plan: The plan.
        graph: The graph of the model that it is for.
    """
    rows = layer_rows(graph, kept_counts(plan))
    names = [row["layers"][0] + _tied(row) for row in rows]
    width = max(map(len, names))
    lines = [f"{'layer':<{width}}  channels"]
    for name, row in zip(names, rows, strict=True):
        cut = row["kept"] < row["width"]
        shown = f"{row['width']:>6,}" + (f" -> {row['kept']:>6,}" if cut else "")
        lines.append(f"{name:<{width}}  {shown}{_why(row, cut)}")
    for kind in plan.counts.get("dense", ()):
        dense, kept = plan.counts["dense"][kind], plan.counts["kept"][kind]
        lines.append(f"{kind:<8} {dense:>15,} -> {kept:>15,}  ({kept / max(dense, 1):.1%})")
    return lines + [f"note: {note}" for note in plan.notes]


def _tied(row: Mapping[str, Any]) -> str:
    others = len(row["layers"]) - 1
    return f" + {others} tied" if others else ""


def _why(row: Mapping[str, Any], cut: bool) -> str:
    if row["frozen"]:
        how_many = "stays" if row["frozen"] == row["width"] else f"{row['frozen']} must stay"
        return f"  {how_many}: {'; '.join(row['reasons'])}"
    return "" if cut else "  stays"
