import keras
import numpy as np
import pytest

from ccm_tf.budget import Budget, protected, select
from ccm_tf.criteria import Ranking, get_criterion
from ccm_tf.graph import ChannelGraph
from tests import zoo


def random_rankings(graph, seed=0):
    rng = np.random.default_rng(seed)
    rankings = {}
    for group in graph.groups:
        if len(group.roots):
            scores = np.sort(rng.random(len(group.roots)))[::-1]
            rankings[group.index] = Ranking(rng.permutation(group.roots), scores, level=-scores)
    return rankings


@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda m: m.__name__)
@pytest.mark.parametrize("kind", ["macs", "params", "channels"])
@pytest.mark.parametrize("scope", ["global", "local"])
def test_the_search_stops_at_the_last_threshold_that_fits(make, kind, scope):
    graph = ChannelGraph(make())
    rankings = random_rankings(graph)
    none = np.zeros(len(graph.labels_to_roots), bool)
    measure = {
        "macs": graph.macs,
        "params": graph.params,
        "channels": lambda mask: sum(mask[p.roots].sum() for p in graph.producers),
    }[kind]
    dense = measure(graph.all_kept())
    reached = []
    for share in (0.7, 0.8, 0.9, 1.0):
        mask = select(graph, rankings, Budget.of(**{kind: share}), none, scope)
        assert measure(mask) <= share * dense
        reached.append(measure(mask))
    assert reached == sorted(reached)
    assert reached[-1] == dense


def test_absolute_numbers_are_limits():
    graph = ChannelGraph(zoo.chain())
    none = np.zeros(len(graph.labels_to_roots), bool)
    mask = select(graph, random_rankings(graph), Budget.of(params=500), none)
    assert graph.params(mask) <= 500
    assert Budget.of(params=500).limit(10**9) == 500


def test_a_target_out_of_reach_names_the_least():
    graph = ChannelGraph(zoo.chain())
    none = np.zeros(len(graph.labels_to_roots), bool)
    with pytest.raises(ValueError, match=r"No plan meets macs=0.001.*one channel left.*remain"):
        select(graph, random_rankings(graph), Budget.of(macs=0.001), none)


def test_every_tensor_keeps_its_best_channel():
    graph = ChannelGraph(zoo.slices())
    rankings = random_rankings(graph)
    none = np.zeros(len(graph.labels_to_roots), bool)
    mask = select(graph, rankings, Budget.of(energy=1e-9), none)
    assert all(mask[roots].any() for roots in graph.widths)


def test_energy_is_cut_group_by_group():
    graph = ChannelGraph(zoo.chain())
    rankings = {
        group.index: Ranking(group.roots, np.arange(len(group.roots), 0.0, -1.0))
        for group in graph.groups
        if len(group.roots)
    }
    none = np.zeros(len(graph.labels_to_roots), bool)
    mask = select(graph, rankings, Budget.of(energy=0.5), none)
    # 6+5 > 0.5 * 21, 8+7+6 > 0.5 * 36 and 5+4 > 0.5 * 15.
    assert [int(mask[g.roots].sum()) for g in graph.groups[:3]] == [2, 3, 2]


@pytest.mark.parametrize("keep", ["conv*", ["conv1", "conv2"]])
def test_protected_layers_keep_everything(keep):
    model = zoo.chain()
    graph = ChannelGraph(model)
    always = protected(graph, keep)
    mask = select(graph, random_rankings(graph), Budget.of(energy=1e-9), always)
    assert [int(mask[p.roots].sum()) for p in graph.producers[:3]] == [6, 8, 1]
    np.testing.assert_array_equal(
        always, protected(graph, [model.get_layer("conv1"), model.get_layer("conv2")])
    )


def test_protecting_an_unknown_layer_lists_the_known():
    with pytest.raises(ValueError, match="names no layer.*'pool'.*conv1, conv2, hidden, logits"):
        protected(ChannelGraph(zoo.chain()), ["pool"])


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({}, "exactly one of.*none of them"),
        ({"macs": 0.5, "energy": 0.5}, "exactly one of"),
        ({"energy": 0.0}, r"`energy` must be in \(0, 1\]"),
        ({"energy": 1.5}, r"`energy` must be in \(0, 1\]"),
        ({"energy": 2}, r"`energy` must be in \(0, 1\]"),
        ({"macs": 1.5}, "fraction in"),
        ({"params": 0}, "fraction in"),
        ({"channels": -0.5}, "fraction in"),
        ({"macs": True}, "fraction in"),
    ],
)
def test_targets_that_make_no_sense(targets, message):
    with pytest.raises(ValueError, match=message):
        Budget.of(**targets)


def test_unknown_scope():
    graph = ChannelGraph(zoo.chain())
    none = np.zeros(len(graph.labels_to_roots), bool)
    with pytest.raises(ValueError, match="'global' or 'local'.*'layer'"):
        select(graph, random_rankings(graph), Budget.of(macs=0.5), none, "layer")


def test_macs_of_an_input_of_unknown_size_are_refused():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 1)(x)))
    graph = ChannelGraph(model)
    none = np.zeros(len(graph.labels_to_roots), bool)
    rankings = get_criterion("magnitude").rank(graph)
    with pytest.raises(ValueError, match="unknown sizes"):
        select(graph, rankings, Budget.of(macs=0.5), none)
    assert graph.params(select(graph, rankings, Budget.of(params=0.5), none)) <= graph.params() / 2
