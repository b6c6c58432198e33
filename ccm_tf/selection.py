"""From rankings to the channels that meet a budget."""

import dataclasses
from collections.abc import Callable

import numpy as np

from ccm_tf.budget import Budget, Limits, matching
from ccm_tf.criteria import Ranking
from ccm_tf.graph import ChannelGraph

# A plan further than this below its target says why.
_CLOSE = 0.01
# In a model of at least so many layers, the share of them at their limits that a plan points out.
_FEW_LAYERS, _NARROW = 4, 0.4
SCOPES = ("global", "relative", "local")
_MOST_TRIALS = 200


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which channels stay.

    Attributes:
        mask: Boolean, over root labels.
        notes: What a reader of the plan should know.
    """

    mask: np.ndarray
    notes: tuple[str, ...] = ()


def select(
    graph: ChannelGraph,
    rankings: dict[int, Ranking],
    budget: Budget,
    limits: Limits,
    scope: str = "global",
) -> Selection:
    """Chooses the channels that stay.

    The channels of every group come in blocks: single ones, or with `round_to` so many of the same
    standing that all widths stay multiples. A block stays if its level is at most the threshold.
    The threshold is searched; then blocks that still fit are added in the order of their levels.

    Args:
        graph: The channel graph.
        rankings: Group index to ranking, for every group with free channels.
        budget: The target.
        limits: What holds for every layer.
        scope: `"global"`: one threshold on the criterion's own levels for all groups;
            `"relative"`: one threshold on scores divided by the mean of their group; `"local"`: the
            same share of every group.

    Raises:
        ValueError: If no plan can meet the target; the least that can be reached is named.
    """
    check_scope(scope)
    levels, fixed = _levels(graph, rankings, limits, scope)
    if budget.kind == "energy":
        levels = _energy_levels(rankings, budget, levels, fixed)
    blocks = _blocks(graph, levels, limits.round_to or 1)
    least = _least(graph, levels, limits)
    for block in blocks:
        if block.level == -np.inf or least[block.roots].any():
            least[block.roots] = True
    if budget.kind == "energy":
        for block in blocks:
            # A width that has to be a multiple is rounded up: nothing forbids a little more.
            if levels[block.roots].min() <= 0:
                least[block.roots] = True
        return Selection(least)
    free = [b for b in blocks if np.isfinite(b.level) and not least[b.roots].all()]
    free.sort(key=lambda block: block.level)
    found = _search(graph, budget, least, free)
    narrow = _narrowest(graph, found.mask, least) if scope == "global" else ""
    return dataclasses.replace(found, notes=(*found.notes, narrow)) if narrow else found


def check_scope(scope: str) -> None:
    """Raises a `ValueError` that lists the scopes unless it is one of them."""
    if scope not in SCOPES:
        expected = ", ".join(map(repr, SCOPES))
        raise ValueError(f"`scope` must be one of {expected}. Received: scope={scope!r}.")


def _search(
    graph: ChannelGraph, budget: Budget, least: np.ndarray, free: list["_Block"]
) -> Selection:
    cost = budget.cost(graph)
    dense = cost(graph.all_kept())
    limit = budget.limit(dense)
    reached = cost(least)
    if reached > limit:
        raise ValueError(
            f"No plan meets {budget.kind}={budget.value!r} ({budget.said(limit)}): with as few "
            f"channels as the limits allow {budget.said(reached)} remain "
            f"({reached / max(dense, 1):.1%} of the dense model). Ask for at least that, keep "
            "fewer layers, or lower `min_channels` and raise `max_ratio`."
        )

    def with_first(count: int) -> np.ndarray:
        mask = least.copy()
        for block in free[:count]:
            mask[block.roots] = True
        return mask

    low, high = 0, len(free) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if cost(with_first(middle)) <= limit:
            low = middle
        else:
            high = middle
    mask = with_first(low)
    for block in free[low : low + _MOST_TRIALS]:
        if cost(mask) >= (1 - _CLOSE) * limit:
            break
        trial = mask.copy()
        trial[block.roots] = True
        if cost(trial) <= limit:
            mask = trial
    reached = cost(mask)
    if low == len(free) or reached >= (1 - _CLOSE) * limit:
        return Selection(mask)
    return Selection(
        mask,
        (
            f"{budget.said(reached)} are {1 - reached / limit:.1%} below the target: the next "
            "channels only come together with too many others.",
        ),
    )


def _narrowest(graph: ChannelGraph, mask: np.ndarray, least: np.ndarray) -> str:
    """What to say if many layers lose all that limits allow, empty if not."""
    layers = [p.roots for p in graph.producers if not least[p.roots].all()]
    narrow = sum(np.array_equal(mask[roots], least[roots]) for roots in layers)
    if len(layers) < _FEW_LAYERS or narrow < _NARROW * len(layers):
        return ""
    return (
        f"{narrow} of {len(layers)} layers keep only the fewest channels that the limits allow: "
        "this criterion's scores differ more between layers than within them. Try "
        'scope="relative".'
    )


def _levels(
    graph: ChannelGraph, rankings: dict[int, Ranking], limits: Limits, scope: str
) -> tuple[np.ndarray, set[int]]:
    """For every root the threshold from which on it stays; and the groups that ratios fix."""
    levels = np.full(len(graph.labels_to_roots), -np.inf)
    for ranking in rankings.values():
        levels[ranking.order] = _LEVELS[scope](ranking)
    fixed = set()
    for pattern, ratio in limits.ratios.items():
        for producer in matching(graph, pattern, "ratios"):
            for group in graph.groups:
                names = {p.name for p in group.producers}
                if group.index not in rankings or producer.name not in names:
                    continue
                ranking = rankings[group.index]
                fixed.add(group.index)
                stay = len(ranking.order) - int(np.floor(ratio * len(ranking.order) + 1e-9))
                levels[ranking.order[:stay]] = -np.inf
                levels[ranking.order[stay:]] = np.inf
    levels[limits.protected(graph)] = -np.inf
    return levels, fixed


def _relative(ranking: Ranking) -> np.ndarray:
    """By scores in units of their mean, which layers have in common whatever their scale."""
    mean = ranking.scores.mean()
    return np.maximum.accumulate(-ranking.scores / mean) if mean > 0 else ranking.level


_LEVELS: dict[str, Callable[[Ranking], np.ndarray]] = {
    "global": lambda ranking: ranking.level,
    "relative": _relative,
    "local": lambda ranking: np.arange(len(ranking.order)) / len(ranking.order),
}


def _energy_levels(
    rankings: dict[int, Ranking], budget: Budget, levels: np.ndarray, fixed: set[int]
) -> np.ndarray:
    """0 for what the energy keeps and 1 for the rest, where nothing else decides."""
    chosen = levels.copy()
    for index, ranking in rankings.items():
        if index not in fixed:
            cut = ranking.cut(budget.value)
            decided = np.where(np.arange(len(ranking.order)) < cut, 0.0, 1.0)
            free = np.isfinite(levels[ranking.order])
            chosen[ranking.order[free]] = decided[free]
    return chosen


@dataclasses.dataclass(frozen=True)
class _Block:
    roots: np.ndarray
    level: float


def _blocks(graph: ChannelGraph, levels: np.ndarray, size: int) -> list[_Block]:
    blocks = []
    for group in graph.groups:
        for roots in _of_same_standing(group):
            order = roots[np.argsort(levels[roots], kind="stable")]
            for start in range(0, len(order), size):
                part = order[start : start + size]
                blocks.append(_Block(part, float(levels[part].max())))
    return blocks


def _of_same_standing(group) -> list[np.ndarray]:
    """The group's channels, parted by the producers in which they occur, frozen ones included."""
    everything = np.concatenate([group.roots, group.frozen])
    member = np.stack([np.isin(everything, p.roots) for p in group.producers], axis=1)
    _, part = np.unique(member, axis=0, return_inverse=True)
    return [everything[part.ravel() == p] for p in range(part.max() + 1)]


def _least(graph: ChannelGraph, levels: np.ndarray, limits: Limits) -> np.ndarray:
    """What stays in any case: the best channel of every tensor, and so many of every layer."""
    mask = ~np.isfinite(levels) & (levels < 0)
    for roots in graph.widths:
        mask[roots[np.argmin(levels[roots])]] = True
    for producer in graph.producers:
        roots = np.unique(producer.roots)
        best = roots[np.argsort(levels[roots], kind="stable")]
        mask[best[: limits.least(len(roots), producer.name)]] = True
    return mask
