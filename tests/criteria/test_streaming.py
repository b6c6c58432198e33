import types

import numpy as np
import pytest

from ccm_tf.criteria import Ranking
from ccm_tf.criteria.streaming import StreamingCriterion, seen_in_maps
from ccm_tf.graph import ChannelGraph
from tests import zoo


def a_map(tensor, roots):
    return types.SimpleNamespace(tensor=tensor, roots=np.array(roots), axis=-1)


def a_group(roots, maps, index=0):
    return types.SimpleNamespace(
        index=index, name=f"group{index}", roots=np.array(roots), feature_maps=tuple(maps)
    )


def flat(views):
    return [(v.feature_map, v.positions.tolist(), v.units.tolist()) for v in views]


def test_one_map_one_group():
    maps, (seen,) = seen_in_maps([a_group([3, 5, 7], [a_map("x", [5, 3, 7])])])
    assert len(maps) == 1
    assert flat(seen.views) == [(0, [0, 1, 2], [1, 0, 2])]


def test_unsorted_roots_and_frozen_positions():
    _, (seen,) = seen_in_maps([a_group([7, 3], [a_map("x", [3, 99, 7, 0])])])
    assert flat(seen.views) == [(0, [0, 2], [1, 0])]


def test_a_concatenation_shows_parts_of_several_groups():
    both = a_map("both", [0, 1, 5, 6])
    rest = a_map("rest", [2])
    maps, seen = seen_in_maps([a_group([0, 1, 2], [both, rest]), a_group([5, 6], [both], 1)])
    assert [m.tensor for m in maps] == ["both", "rest"]
    assert flat(seen[0].views) == [(0, [0, 1], [0, 1]), (1, [0], [2])]
    assert flat(seen[1].views) == [(0, [2, 3], [0, 1])]


def test_repeated_units_are_seen_by_several_views():
    _, (seen,) = seen_in_maps([a_group([0, 1], [a_map("tiled", [0, 1, 0, 1, 1])])])
    assert flat(seen.views) == [(0, [0, 1], [0, 1]), (0, [2, 3], [0, 1]), (0, [4], [1])]


def test_channels_that_no_map_shows_are_left_out_with_a_warning():
    partly = a_group([0, 1, 2], [a_map("x", [2, 0])])
    hidden = a_group([5, 6], [], 1)
    with pytest.warns(UserWarning, match=r"'group0' \(1 of 3\), 'group1' \(2 of 2\).*stay"):
        _, seen = seen_in_maps([partly, hidden])
    assert [(s.index, s.roots.tolist()) for s in seen] == [(0, [0, 2])]
    assert flat(seen[0].views) == [(0, [0, 1], [1, 0])]


class Sums(StreamingCriterion):
    def start(self, channels, views):
        return {"channels": channels, "sizes": [], "sum": 0}

    def update(self, statistics, features):
        statistics["sizes"].append(len(features))
        statistics["sum"] = statistics["sum"] + features.reshape(-1, features.shape[-1]).sum(0)

    def finish(self, group, observed):
        self.seen = getattr(self, "seen", []) + [s for _, s in observed]
        return Ranking(group.roots, np.ones(len(group.roots)))


def test_one_pass_serves_all_groups():
    read = []

    def stream():
        for _ in range(3):
            read.append(1)
            yield np.ones((4, 8, 8, 3), "float32")

    graph = ChannelGraph(zoo.chain())
    criterion = Sums()
    rankings = criterion.rank(graph, stream())
    assert len(rankings) >= 3
    assert len(read) == 3
    assert [s["sizes"] for s in criterion.seen] == [[4, 4, 4]] * len(criterion.seen)
    assert all(s["sum"].shape == (s["channels"],) for s in criterion.seen)


def test_batch_size_and_max_batches():
    graph = ChannelGraph(zoo.chain())
    criterion = Sums(batch_size=2, max_batches=2)
    criterion.rank(graph, np.ones((10, 8, 8, 3), "float32"))
    assert criterion.seen[0]["sizes"] == [2, 2]


def test_nothing_free_needs_no_pass():
    graph = types.SimpleNamespace(groups=(a_group([], []),))
    assert Sums().rank(graph, iter(())) == {}
