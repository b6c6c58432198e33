import numpy as np
import pytest

from ccm_tf.budget import Limits
from ccm_tf.criteria import Ranking
from ccm_tf.gradual.choice import Aim, enough, floors, remove_lowest, units_of
from ccm_tf.graph import ChannelGraph
from ccm_tf.schedules import ConstantSparsity, EveryNEpochs
from tests import zoo


def ranked(graph, scores):
    """Rankings by scores that are given for each group."""
    made = {}
    for group, values in zip([g for g in graph.groups if len(g.roots)], scores, strict=True):
        order = np.argsort(-np.array(values), kind="stable")
        values = np.array(values, float)[order]
        made[group.index] = Ranking(group.roots[order], values, level=-values)
    return made


def gone(graph, mask):
    return {
        p.name: np.flatnonzero(~mask[p.roots]).tolist()
        for p in graph.producers
        if not mask[p.roots].all()
    }


def test_the_lowest_go_and_ties_go_to_low_channels_of_deep_layers():
    graph = ChannelGraph(zoo.chain())
    scores = [[5, 1, 1, 5, 5, 5], [5, 1, 5, 5, 5, 5, 5, 5], [1, 5, 5, 5, 5]]
    for count, expected in (
        (1, {"hidden": [0]}),
        (2, {"hidden": [0], "conv2": [1]}),
        (3, {"hidden": [0], "conv2": [1], "conv1": [1]}),
        (4, {"hidden": [0], "conv2": [1], "conv1": [1, 2]}),
    ):
        mask = remove_lowest(graph, ranked(graph, scores), count, Limits())
        assert gone(graph, mask) == expected


def test_no_layer_is_emptied_and_what_is_kept_is_kept():
    graph = ChannelGraph(zoo.chain())
    scores = [[0] * 6, [1] * 8, [2] * 5]
    mask = remove_lowest(graph, ranked(graph, scores), 9, Limits(min_channels=2, max_ratio=1.0))
    assert gone(graph, mask) == {"conv1": [0, 1, 2, 3], "conv2": [0, 1, 2, 3, 4]}
    mask = remove_lowest(graph, ranked(graph, scores), 2, Limits(keep="conv1"))
    assert gone(graph, mask) == {"conv2": [0, 1]}
    with pytest.warns(UserWarning, match="19 channels were to go, but only 16 could"):
        mask = remove_lowest(graph, ranked(graph, scores), 19, Limits())
    assert all(mask[roots].any() for roots in graph.widths)


def test_limits_in_channels_of_the_dense_model():
    graph = ChannelGraph(zoo.chain())
    limits = floors(graph, Limits(max_ratio=0.5))
    assert limits.least(3, "conv1") == 3 and limits.least(5, "conv2") == 4
    assert limits.least(3, "other") == 1


def test_units_are_what_could_go():
    assert len(units_of(ChannelGraph(zoo.chain()))) == 6 + 8 + 5


def test_enough_counts_what_the_schedule_counts():
    graph = ChannelGraph(zoo.chain())
    half = graph.all_kept()
    conv = next(p for p in graph.producers if p.name == "conv1")
    half[conv.roots[:3]] = False
    units = len(units_of(graph))
    aim = Aim("macs", graph.macs(), units, Limits(), "global")
    gone = 1 - graph.macs(half) / graph.macs()
    for sparsity, expected in ((gone - 0.01, True), (gone + 0.01, False)):
        assert enough(graph, half, ConstantSparsity(sparsity, 0), 0, aim) is expected
    schedule = EveryNEpochs(every=2, channels=2, until=6)
    # Two after epoch 2, four after epoch 4; three are gone.
    assert enough(graph, half, schedule, 2, aim) and not enough(graph, half, schedule, 4, aim)


def test_an_aim_counts_the_dense_model_and_what_is_left_of_it():
    graph = ChannelGraph(zoo.chain())
    aim = Aim.of(graph, "params", Limits(max_ratio=0.5), "local")
    assert (aim.dense, aim.macs) == (graph.params(), graph.macs())
    assert aim.units == len(units_of(graph)) and aim.limits.floors["conv1"] == 3
    alive = graph.all_kept()
    alive[next(p for p in graph.producers if p.name == "conv1").roots[:2]] = False
    left = aim.left(graph, alive)
    assert left["kept_channels"] == 1 - 2 / aim.units
    assert left["kept_macs"] == graph.macs(alive) / graph.macs()
