"""Criteria that look at feature maps: all of them in one pass over the data."""

import abc
import dataclasses
import warnings
from typing import Any

import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.statistics.accumulate import accumulated
from ccm_tf.statistics.taps import feature_batches


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """Channels of one feature map that belong to one group, each unit at most once.

    A unit that lies at several positions of a map (grouped convolutions, tiled channels) is seen
    by several views.

    Attributes:
        feature_map: Which of the maps of the pass.
        positions: Positions along the map's channel axis.
        units: For each position, which of the group's roots it is: an index into `Seen.roots`.
    """

    feature_map: int
    positions: np.ndarray
    units: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Seen:
    """What can be observed of a group.

    Attributes:
        index: Place in `ChannelGraph.groups`.
        name: Name of the group.
        roots: Its free roots that are in some feature map.
        views: Where they are.
    """

    index: int
    name: str
    roots: np.ndarray
    views: tuple[View, ...]


class StreamingCriterion(Criterion):
    """A criterion that gathers statistics of feature maps in one pass over the data.

    Subclasses implement `start`, `update` and `finish`. Channels that no feature map shows (inside
    a recurrent cell, between the projections of an attention layer) are not ranked, so they stay;
    a warning names their groups.

    Args:
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.
    """

    needs_data = True

    def __init__(self, batch_size: int = 128, max_batches: int | None = None):
        self.batch_size = batch_size
        self.max_batches = max_batches

    @abc.abstractmethod
    def start(self, channels: int, views: list[View]) -> Any:
        """New statistics for a feature map, which can be added up: see `accumulated`.

        Args:
            channels: Number of channels of the map.
            views: All views of it, of any group.
        """

    @abc.abstractmethod
    def update(self, statistics: Any, features: np.ndarray) -> None:
        """Adds one batch.

        Args:
            statistics: What `start` returned.
            features: Float32 array (B, ..., C).
        """

    @abc.abstractmethod
    def finish(self, group: Seen, observed: list[tuple[View, Any]]) -> Ranking:
        """Ranks the channels of a group.

        Args:
            group: The group.
            observed: Its views, each with the statistics of its feature map.
        """

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`."""
        self.check_data(data)
        maps, groups = seen_in_maps([group for group in graph.groups if len(group.roots)])
        if not groups:
            return {}
        by_map: list[list[View]] = [[] for _ in maps]
        for view in (view for group in groups for view in group.views):
            by_map[view.feature_map].append(view)

        def start() -> list[Any]:
            return [self.start(len(m.roots), views) for m, views in zip(maps, by_map, strict=True)]

        def update(statistics: list[Any], batch: list[np.ndarray]) -> None:
            for entry, features in zip(statistics, batch, strict=True):
                self.update(entry, features)

        statistics = accumulated(
            data,
            lambda part: feature_batches(
                graph, part, maps, self.batch_size, self.max_batches, verbose
            ),
            start,
            update,
        )
        return {
            group.index: self.finish(group, [(v, statistics[v.feature_map]) for v in group.views])
            for group in groups
        }


def seen_in_maps(groups: list[Any]) -> tuple[list[Any], list[Seen]]:
    """The feature maps of some groups, each once, and what they show of each group."""
    maps: list[Any] = []
    numbers: dict[Any, int] = {}
    seen = []
    unseen: list[str] = []
    for group in groups:
        for feature_map in group.feature_maps:
            if numbers.setdefault(feature_map.tensor, len(maps)) == len(maps):
                maps.append(feature_map)
        shown = [feature_map.roots for feature_map in group.feature_maps]
        visible = np.isin(group.roots, np.concatenate(shown) if shown else [])
        if not visible.all():
            unseen.append(f"'{group.name}' ({np.count_nonzero(~visible)} of {len(visible)})")
        if visible.any():
            roots = group.roots[visible]
            views = [
                view
                for feature_map in group.feature_maps
                for view in _views(numbers[feature_map.tensor], feature_map.roots, roots)
            ]
            seen.append(Seen(group.index, group.name, roots, tuple(views)))
    if unseen:
        warnings.warn(
            f"No feature map shows the channels of {', '.join(unseen)}: they are not ranked and "
            "stay. Criteria that look at weights, such as 'magnitude', rank them.",
            stacklevel=3,
        )
    return maps, seen


def _views(number: int, map_roots: np.ndarray, group_roots: np.ndarray) -> list[View]:
    order = np.argsort(group_roots)
    places = np.searchsorted(group_roots, map_roots, sorter=order)
    units = order[np.minimum(places, len(order) - 1)]
    positions = np.flatnonzero(group_roots[units] == map_roots)
    units = units[positions]
    # How often the same unit came before: 0 for the first view, 1 for the second, ...
    by_unit = np.argsort(units, kind="stable")
    first = np.searchsorted(units[by_unit], units[by_unit])
    repeat = np.empty(len(units), np.int64)
    repeat[by_unit] = np.arange(len(units)) - first
    return [
        View(number, positions[repeat == r], units[repeat == r])
        for r in range(repeat.max(initial=-1) + 1)
    ]
