"""Lanes for the edges of a network that is drawn from top to bottom, one row per layer."""

import dataclasses
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Row:
    """What the edges do in the row of one node.

    Attributes:
        lane: The lane in which the node lies.
        through: Lanes of edges that pass by.
        arriving: Lanes of the edges that end here.
        leaving: Lanes of the edges that begin here.
    """

    lane: int
    through: tuple[int, ...]
    arriving: tuple[int, ...]
    leaving: tuple[int, ...]


def lanes(count: int, edges: Sequence[Sequence[int]]) -> list[Row]:
    """Gives every edge a lane of its own from its first row to its last.

    A node lies in the leftmost lane of the edges that arrive. The edge to the nearest reader goes
    on in the node's lane; longer edges, such as shortcuts, take free lanes beside it.

    Args:
        count: Number of nodes, in topological order.
        edges: Pairs of places of nodes, the earlier first.

    Returns:
        One `Row` per node.
    """
    targets: dict[int, list[int]] = {}
    for source, target in edges:
        targets.setdefault(source, []).append(target)
    busy: list[int | None] = []  # lane to the node where its edge ends
    rows = []
    for node in range(count):
        arriving = [lane for lane, target in enumerate(busy) if target == node]
        for lane in arriving:
            busy[lane] = None
        lane = arriving[0] if arriving else _free(busy)
        through = tuple(place for place, target in enumerate(busy) if target is not None)
        leaving: list[int] = []
        for target in sorted(set(targets.get(node, ()))):
            taken = _free(busy) if leaving else lane
            _take(busy, taken, target)
            leaving.append(taken)
        rows.append(Row(lane, through, tuple(arriving), tuple(leaving)))
    return rows


def _free(busy: list[int | None]) -> int:
    return next((lane for lane, target in enumerate(busy) if target is None), len(busy))


def _take(busy: list[int | None], lane: int, target: int) -> None:
    busy += [None] * (lane + 1 - len(busy))
    busy[lane] = target
