"""Which channels of a model stay at a step of a schedule."""

import dataclasses
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ccm_tf.budget import Budget, Limits
from ccm_tf.criteria import Ranking
from ccm_tf.graph import ChannelGraph
from ccm_tf.selection import select


@dataclasses.dataclass(frozen=True)
class Aim:
    """What a schedule's numbers mean for a model.

    Attributes:
        target: What sparsity is a share of: `"macs"`, `"params"`, `"bytes"` or `"channels"`.
        dense: How much of the target the dense model has.
        units: How many units of channels could be removed from the dense model.
        limits: What holds for every layer.
        scope: `"global"`, `"relative"` or `"local"`.
        macs: Multiply-accumulates of the dense model. Defaults to 0, for not known.
    """

    target: str
    dense: int
    units: int
    limits: Limits
    scope: str
    macs: int = 0

    @classmethod
    def of(cls, dense: ChannelGraph, target: str, limits: Limits, scope: str) -> "Aim":
        """What they mean for a dense model; the arguments are those of the class."""
        cost = Budget(target, 1.0).cost(dense)(dense.all_kept())
        units = len(units_of(dense))
        return cls(target, cost, units, floors(dense, limits), scope, dense.macs())

    def left(self, graph: ChannelGraph, alive: np.ndarray) -> dict[str, float]:
        """Shares of the dense model that are left, as `GradualPruning` logs them.

        Args:
            graph: The channel graph of the model in training.
            alive: Boolean, over its root labels: the channels that are left.
        """
        units = int(np.count_nonzero(alive[units_of(graph)]))
        return {
            "kept_channels": units / self.units,
            "kept_macs": graph.macs(alive) / max(self.macs, 1),
        }


def choose(
    graph: ChannelGraph, rankings: dict[int, Ranking], schedule: Any, step: int, aim: Aim
) -> np.ndarray:
    """Mask over root labels: the channels that stay.

    Args:
        graph: The channel graph of what is left of the model.
        rankings: The criterion's rankings of its channels.
        schedule: A `Schedule`, or a schedule of tfmot.
        step: The step, or epoch.
        aim: What the schedule's numbers mean.
    """
    quantity = getattr(schedule, "quantity", "sparsity")
    return _QUANTITIES[quantity](graph, rankings, schedule, step, aim)


def enough(graph: ChannelGraph, alive: np.ndarray, schedule: Any, step: int, aim: Aim) -> bool:
    """Whether a schedule asks for no more than that only some channels stay.

    Args:
        graph: The channel graph of the model.
        alive: Boolean, over root labels: the channels that stay.
        schedule: A schedule of sparsity or of channels.
        step: The step, or epoch.
        aim: What the schedule's numbers mean.
    """
    if getattr(schedule, "quantity", "sparsity") == "channels":
        gone = aim.units - np.count_nonzero(alive[units_of(graph)])
        return bool(gone >= _channels_by(schedule, step, aim))
    return Budget(aim.target, 1.0).cost(graph)(alive) <= _allowed(schedule, step, aim)


def floors(graph: ChannelGraph, limits: Limits) -> Limits:
    """The same limits, in channels of the dense model instead of shares of what is left."""
    least = {p.name: limits.least(len(np.unique(p.roots))) for p in graph.producers}
    return dataclasses.replace(limits, max_ratio=1.0, floors=least)


def units_of(graph: ChannelGraph) -> np.ndarray:
    """The root labels of everything that could be removed."""
    return np.concatenate([group.roots for group in graph.groups] or [np.zeros(0, int)])


def _by_sparsity(graph, rankings, schedule, step, aim):
    allowed = _allowed(schedule, step, aim)
    if Budget(aim.target, 1.0).cost(graph)(graph.all_kept()) <= allowed:
        return graph.all_kept()
    return select(graph, rankings, Budget(aim.target, max(1, allowed)), aim.limits, aim.scope).mask


def _by_energy(graph, rankings, schedule, step, aim):
    budget = Budget("energy", float(schedule.energy(step)))
    return select(graph, rankings, budget, aim.limits, aim.scope).mask


def _by_channels(graph, rankings, schedule, step, aim):
    gone = aim.units - len(units_of(graph))
    return remove_lowest(graph, rankings, _channels_by(schedule, step, aim) - gone, aim.limits)


def _allowed(schedule: Any, step: int, aim: Aim) -> int:
    """How much of the target may be left."""
    return int(np.floor((1 - float(schedule(step)[1])) * aim.dense + 1e-9))


def _channels_by(schedule: Any, step: int, aim: Aim) -> int:
    """How many channels are to be gone."""
    return min(step // schedule.frequency, len(schedule.epochs)) * schedule.count(aim.units)


_QUANTITIES: dict[str, Callable[..., np.ndarray]] = {
    "sparsity": _by_sparsity,
    "energy": _by_energy,
    "channels": _by_channels,
}


def remove_lowest(
    graph: ChannelGraph, rankings: dict[int, Ranking], count: int, limits: Limits
) -> np.ndarray:
    """Removes a number of units one by one, the least important first, over all layers.

    Of equal ones the lowest channel goes first, then that of the deepest layer. No layer goes
    below what the limits allow it.

    Args:
        graph: The channel graph.
        rankings: The criterion's rankings.
        count: How many to remove.
        limits: What holds for every layer.

    Returns:
        Mask over root labels: the channels that stay.
    """
    alive = graph.all_kept()
    gone = list(itertools.islice(lowest_first(graph, rankings, limits), max(0, count)))
    alive[gone] = False
    if len(gone) < count:
        warnings.warn(
            f"{count} channels were to go, but only {len(gone)} could: the other layers are as "
            "narrow as the limits allow.",
            stacklevel=2,
        )
    return alive[graph.labels_to_roots]


def lowest_first(
    graph: ChannelGraph, rankings: dict[int, Ranking], limits: Limits
) -> Iterator[int]:
    """The units that may go one after the other, the least important first, over all layers.

    Args:
        graph: The channel graph.
        rankings: The criterion's rankings; what they do not name stays.
        limits: What holds for every layer.

    Yields:
        Root labels.
    """
    layers = []
    for producer in graph.producers:
        roots = np.unique(producer.roots)
        layers.append((roots, limits.least(len(roots), producer.name)))
    layers += [(np.unique(roots), 1) for roots in graph.widths]
    homes: dict[int, list[int]] = {}
    for number, (roots, _) in enumerate(layers):
        for root in roots:
            homes.setdefault(int(root), []).append(number)
    spare = [len(roots) - least for roots, least in layers]
    for root in _least_first(graph, ~limits.protected(graph), rankings):
        if all(spare[number] > 0 for number in homes[root]):
            for number in homes[root]:
                spare[number] -= 1
            yield root


def _least_first(graph: ChannelGraph, free: np.ndarray, rankings: dict[int, Ranking]) -> list[int]:
    candidates = []
    for group in graph.groups:
        ranking = rankings.get(group.index)
        if ranking is None:
            continue
        channel = {int(root): place for place, root in enumerate(np.sort(group.roots))}
        candidates += [
            (-level, channel[int(root)], -group.index, int(root))
            for root, level in zip(ranking.order, ranking.level, strict=True)
            if free[root]
        ]
    return [candidate[-1] for candidate in sorted(candidates)]
