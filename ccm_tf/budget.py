"""From rankings to the set of channels that meets a target."""

import dataclasses
import fnmatch
from collections.abc import Callable, Iterable

import numpy as np

from ccm_tf.criteria import Ranking
from ccm_tf.graph import ChannelGraph

TARGETS = ("energy", "channels", "macs", "params")


@dataclasses.dataclass(frozen=True)
class Budget:
    """What a plan must meet.

    Attributes:
        kind: `"energy"`, `"channels"`, `"macs"` or `"params"`.
        value: An energy in (0, 1]; otherwise a fraction of the dense model in (0, 1) or, as an
            integer, an absolute number.
    """

    kind: str
    value: float | int

    @classmethod
    def of(cls, **targets: float | int | None) -> "Budget":
        """The one target that is given.

        Raises:
            ValueError: If none or several are given, or the value makes no sense.
        """
        given = {kind: value for kind, value in targets.items() if value is not None}
        if len(given) != 1:
            raise ValueError(
                f"Give exactly one of {', '.join(f'`{t}`' for t in TARGETS)}. "
                f"Received: {given or 'none of them'}."
            )
        ((kind, value),) = given.items()
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        whole = isinstance(value, (int, np.integer)) and kind != "energy"
        fits = number and (value >= 1 if whole else 0 < value <= 1)
        if not fits:
            expected = "in (0, 1]" if kind == "energy" else "a fraction in (0, 1] or an integer"
            raise ValueError(f"Argument `{kind}` must be {expected}. Received: {kind}={value!r}.")
        return cls(kind, value)

    def limit(self, dense: int) -> int:
        """The largest count that meets the target, given the dense model's."""
        whole = isinstance(self.value, (int, np.integer))
        return int(self.value) if whole else int(np.floor(self.value * dense))


def protected(graph: ChannelGraph, keep: Iterable) -> np.ndarray:
    """Mask of the roots that `keep` names: by layer, by name or by pattern such as `"stage3_*"`."""
    mask = np.zeros(len(graph.labels_to_roots), bool)
    for item in [keep] if isinstance(keep, str) else keep:
        pattern = item if isinstance(item, str) else getattr(item, "name", item)
        found = [p for p in graph.producers if fnmatch.fnmatchcase(p.name, str(pattern))]
        if not found:
            names = ", ".join(p.name for p in graph.producers)
            raise ValueError(
                f"`keep` names no layer that makes channels. Received: {item!r}. Layers that do: "
                f"{names}."
            )
        for producer in found:
            mask[producer.roots] = True
    return mask


def select(
    graph: ChannelGraph,
    rankings: dict[int, Ranking],
    budget: Budget,
    always: np.ndarray,
    scope: str = "global",
) -> np.ndarray:
    """Mask over roots of the channels that stay.

    Args:
        graph: The channel graph.
        rankings: Group index to ranking, for every group with free channels.
        budget: The target.
        always: Mask of roots that must stay on top of the frozen ones.
        scope: `"global"`: one threshold on the criterion's own levels for all groups; `"local"`:
            the same share of every group.

    Raises:
        ValueError: If no plan can meet the target; the least that can be reached is named.
    """
    ranks = _levels(graph, rankings, scope)
    always = always | _floor(graph, ranks)
    if budget.kind == "energy":
        return _by_energy(graph, rankings, budget, always)
    cost = _costs(graph, budget.kind)
    limit = budget.limit(cost(graph.all_kept()))
    levels = np.unique(ranks[np.isfinite(ranks)])
    # `low` meets the target, `high` does not; -1 keeps nothing but what must stay.
    low, high = -1, len(levels)
    least = always | ~np.isfinite(ranks)
    reached = cost(least)
    if reached > limit:
        raise ValueError(
            f"No plan meets {budget.kind}={budget.value!r} ({limit:,} {budget.kind}): with one "
            f"channel left wherever possible {reached:,} remain "
            f"({reached / max(cost(graph.all_kept()), 1):.1%} of the dense model). Ask for at "
            "least that, or keep fewer layers."
        )
    while high - low > 1:
        middle = (low + high) // 2
        if cost(least | (ranks <= levels[middle])) <= limit:
            low = middle
        else:
            high = middle
    return least if low < 0 else least | (ranks <= levels[low])


def _levels(graph: ChannelGraph, rankings: dict[int, Ranking], scope: str) -> np.ndarray:
    """For every root the threshold from which on it is kept; minus infinity for frozen ones."""
    if scope not in ("global", "local"):
        raise ValueError(f"`scope` must be 'global' or 'local'. Received: scope={scope!r}.")
    levels = np.full(len(graph.labels_to_roots), -np.inf)
    for ranking in rankings.values():
        count = len(ranking.order)
        levels[ranking.order] = ranking.level if scope == "global" else np.arange(count) / count
    return levels


def _floor(graph: ChannelGraph, levels: np.ndarray) -> np.ndarray:
    """The best channel of every tensor, so that no width becomes zero."""
    mask = np.zeros(len(levels), bool)
    for roots in graph.widths:
        mask[roots[np.argmin(levels[roots])]] = True
    return mask


def _by_energy(graph, rankings, budget, always) -> np.ndarray:
    mask = graph.all_kept()
    for ranking in rankings.values():
        mask[ranking.order[ranking.cut(budget.value) :]] = False
    return mask | always


def _costs(graph: ChannelGraph, kind: str) -> Callable[[np.ndarray], int]:
    if kind == "macs":
        if any(size is None for t in graph.trace.flat_inputs for size in t.shape[1:]):
            raise ValueError(
                "MACs cannot be counted: the model's input has unknown sizes "
                f"{[t.shape for t in graph.trace.flat_inputs]}. Build the model for the size that "
                "it will run at, or ask for `params` or `channels`."
            )
        return graph.macs
    if kind == "params":
        return graph.params
    roots = [producer.roots for producer in graph.producers]
    return lambda mask: int(sum(np.count_nonzero(mask[r]) for r in roots))
