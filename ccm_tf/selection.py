"""From rankings to the channels that meet a budget."""

import dataclasses

import numpy as np

from ccm_tf.budget import Budget, Limits, matching
from ccm_tf.criteria import Ranking
from ccm_tf.graph import ChannelGraph

# A plan further than this below its target says why.
_CLOSE = 0.01
SCOPES = ("global", "local", "per_cost")
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
        scope: `"global"`: one threshold on the criterion's own levels for all groups; `"local"`:
            the same share of every group; `"per_cost"`: one threshold on scores divided by what a
            channel of the group costs.

    Raises:
        ValueError: If no plan can meet the target; the least that can be reached is named.
    """
    if scope not in SCOPES:
        expected = ", ".join(map(repr, SCOPES))
        raise ValueError(f"`scope` must be one of {expected}. Received: scope={scope!r}.")
    levels, fixed = _levels(graph, _global_levels(graph, rankings, budget, scope), rankings, limits)
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
    return _search(graph, budget, least, free)


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


def _global_levels(
    graph: ChannelGraph, rankings: dict[int, Ranking], budget: Budget, scope: str
) -> dict[int, np.ndarray]:
    """For every group the levels of its ranking's positions, comparable between groups."""
    if scope == "per_cost" and budget.kind != "energy":
        return _per_cost(graph, rankings, budget)
    if scope == "local":
        return {i: np.arange(len(r.order)) / len(r.order) for i, r in rankings.items()}
    return {index: ranking.level for index, ranking in rankings.items()}


def _per_cost(
    graph: ChannelGraph, rankings: dict[int, Ranking], budget: Budget
) -> dict[int, np.ndarray]:
    """Scores by what a channel of the group costs, in the budget's unit, on average.

    Least loss for a given saving is a knapsack: what brings most for its size goes in first. Half
    of the group is taken away to see what its channels cost, since times go in steps.
    """
    cost = budget.cost(graph)
    everything = graph.all_kept()
    dense = cost(everything)
    levels = {}
    for index, ranking in rankings.items():
        half = ranking.order[len(ranking.order) // 2 :]
        without = everything.copy()
        without[half] = False
        saved = (dense - cost(without)) / len(half)
        # What saves nothing has no reason to go.
        by_cost = -ranking.scores / saved if saved > 0 else np.full(len(ranking.order), -np.inf)
        levels[index] = np.maximum.accumulate(by_cost)
    return levels


def _levels(
    graph: ChannelGraph,
    by_group: dict[int, np.ndarray],
    rankings: dict[int, Ranking],
    limits: Limits,
) -> tuple[np.ndarray, set[int]]:
    """For every root the threshold from which on it stays; and the groups that ratios fix."""
    levels = np.full(len(graph.labels_to_roots), -np.inf)
    for index, ranking in rankings.items():
        levels[ranking.order] = by_group[index]
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
