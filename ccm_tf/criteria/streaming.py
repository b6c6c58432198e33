"""Criteria that look at feature maps: all of them in one pass over the data."""

import abc
import dataclasses
from typing import Any

import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.statistics.taps import feature_batches


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """Channels of one feature map that belong to one group, each unit at most once.

    A unit that lies at several positions of a map (grouped convolutions, tiled channels) is seen
    by several views.

    Attributes:
        feature_map: Which of the maps of the pass.
        positions: Positions along the map's channel axis.
        units: For each position, which of the group's roots it is: an index into `group.roots`.
    """

    feature_map: int
    positions: np.ndarray
    units: np.ndarray


class StreamingCriterion(Criterion):
    """A criterion that gathers statistics of feature maps in one pass over the data.

    Subclasses implement `start`, `update` and `finish`.

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
        """New statistics for a feature map.

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
    def finish(self, group: Any, seen: list[tuple[View, Any]]) -> Ranking:
        """Ranks the channels of a group.

        Args:
            group: The group.
            seen: Its views, each with the statistics of its feature map.
        """

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`."""
        self.check_data(data)
        groups = [group for group in graph.groups if len(group.roots)]
        if not groups:
            return {}
        maps, views = views_of(groups)
        by_map: list[list[View]] = [[] for _ in maps]
        for view in (view for group_views in views for view in group_views):
            by_map[view.feature_map].append(view)
        statistics = [self.start(len(m.roots), seen) for m, seen in zip(maps, by_map, strict=True)]
        stream = feature_batches(graph, data, maps, self.batch_size, self.max_batches, verbose)
        for batch in stream:
            for entry, features in zip(statistics, batch, strict=True):
                self.update(entry, features)
        return {
            group.index: self.finish(group, [(v, statistics[v.feature_map]) for v in group_views])
            for group, group_views in zip(groups, views, strict=True)
        }


def views_of(groups: list[Any]) -> tuple[list[Any], list[list[View]]]:
    """The feature maps of some groups, each once, and the views of each group.

    Raises:
        ValueError: If some channel of a group is in no feature map.
    """
    maps: list[Any] = []
    numbers: dict[Any, int] = {}
    views = []
    for group in groups:
        mine: list[View] = []
        for feature_map in group.feature_maps:
            number = numbers.setdefault(feature_map.tensor, len(maps))
            if number == len(maps):
                maps.append(feature_map)
            mine.extend(_views(number, feature_map.roots, group.roots))
        seen = np.unique(np.concatenate([view.units for view in mine])) if mine else ()
        if len(seen) < len(group.roots):
            raise ValueError(
                f"{len(group.roots) - len(seen)} of the {len(group.roots)} channels of group "
                f"'{group.name}' are in no feature map, so no criterion that looks at data can "
                "rank them. Keep the group (`keep=[...]`) or use 'magnitude'."
            )
        views.append(mine)
    return maps, views


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
