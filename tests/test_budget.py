import keras
import numpy as np
import pytest

from ccm_tf.budget import TARGETS, Budget, Limits
from ccm_tf.graph import ChannelGraph
from tests import zoo


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ({}, "exactly one of.*none of them"),
        ({"macs": 0.5, "energy": 0.5}, "exactly one of"),
        ({"energy": 0.0}, r"`energy` must be in \(0, 1\]"),
        ({"energy": 1.5}, r"`energy` must be in \(0, 1\]"),
        ({"energy": 2}, r"`energy` must be in \(0, 1\]"),
        ({"energy": float("nan")}, r"`energy` must be in \(0, 1\]"),
        ({"macs": 1.5}, "fraction in"),
        ({"params": 0}, "fraction in"),
        ({"channels": -0.5}, "fraction in"),
        ({"macs": True}, "fraction in"),
        ({"bytes": "1 MB"}, "fraction in"),
    ],
)
def test_targets_that_make_no_sense(targets, message):
    with pytest.raises(ValueError, match=message):
        Budget.of(**targets)


def test_fractions_and_absolute_numbers():
    assert Budget.of(macs=0.5).limit(101) == 50
    assert Budget.of(macs=1.0).limit(101) == 101
    assert Budget.of(params=500).limit(10**9) == 500


@pytest.mark.parametrize("kind", [t for t in TARGETS if t != "energy"])
def test_costs_of_the_dense_model(kind):
    model = zoo.chain()
    graph = ChannelGraph(model)
    expected = {
        "channels": 6 + 8 + 5 + 4,
        "macs": graph.macs(),
        "params": model.count_params(),
        "bytes": 4 * model.count_params(),
    }[kind]
    assert Budget.of(**{kind: 1.0}).cost(graph)(graph.all_kept()) == expected


def test_macs_of_an_input_of_unknown_size_are_refused():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1)(keras.layers.Conv2D(4, 3)(inputs)))
    graph = ChannelGraph(model)
    with pytest.raises(ValueError, match="unknown sizes"):
        Budget.of(macs=0.5).cost(graph)
    assert Budget.of(params=0.5).cost(graph)(graph.all_kept()) == model.count_params()


@pytest.mark.parametrize("named", ["conv*", ["conv1", "conv2"]])
def test_keep_takes_patterns_names_and_layers(named):
    model = zoo.chain()
    graph = ChannelGraph(model)
    mask = Limits(keep=named).protected(graph)
    assert [int(mask[p.roots].sum()) for p in graph.producers] == [6, 8, 0, 0]
    by_layer = Limits(keep=[model.get_layer("conv1"), model.get_layer("conv2")])
    np.testing.assert_array_equal(mask, by_layer.protected(graph))


def test_keeping_an_unknown_layer_lists_the_known():
    with pytest.raises(ValueError, match="names no layer.*'pool'.*conv1, conv2, hidden, logits"):
        Limits(keep=["pool"]).protected(ChannelGraph(zoo.chain()))


@pytest.mark.parametrize(
    ("settings", "width", "least"),
    [
        ({}, 64, 4),
        ({}, 6, 1),
        ({"max_ratio": 1.0}, 64, 1),
        ({"max_ratio": 0.0}, 64, 64),
        ({"min_channels": 8}, 64, 8),
        ({"min_channels": 8}, 6, 6),
    ],
)
def test_least_widths(settings, width, least):
    assert Limits(**settings).least(width) == least


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"round_to": 0}, "`round_to` must be a positive integer"),
        ({"min_channels": 1.5}, "`min_channels` must be a positive integer"),
        ({"max_ratio": 1.1}, r"`max_ratio` must be in \[0, 1\]"),
        ({"ratios": {"conv*": 1.0}}, r"in \[0, 1\).*'conv\*'"),
    ],
)
def test_limits_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        Limits(**settings)
