import keras
import pytest

import ccm_tf
from ccm_tf.reporting.network import kept_widths, network_of
from tests import zoo


def drawn(model, kept=None):
    slim = ccm_tf.rewrite(model, ccm_tf.PruningPlan.from_kept(model, kept or {}))
    return network_of(ccm_tf.ChannelGraph(model), slim)


def test_layers_with_kernels_and_sums_and_the_edges_between():
    drawing = drawn(zoo.residual(), {"stem": [0, 1], "b1_conv1": [0]})
    names = [node["name"] for node in drawing["nodes"]]
    assert names[1:] == [
        "stem", "b1_conv1", "b1_conv2", "b1_add", "b2_conv1", "b2_conv2", "b2_add", "logits",
    ]  # fmt: skip
    at = {name: place for place, name in enumerate(names)}
    assert [at["stem"], at["b1_add"]] in drawing["edges"]
    assert [at["b1_conv2"], at["b1_add"]] in drawing["edges"]
    # Through a ReLU and a pooling layer.
    assert [at["b2_add"], at["logits"]] in drawing["edges"]
    by_name = {node["name"]: node for node in drawing["nodes"]}
    assert (by_name["stem"]["width"], by_name["stem"]["kept"]) == (4, 2)
    assert by_name["b1_conv1"]["kept"] == 1 and by_name["b2_conv1"]["kept"] == 6
    assert by_name["b1_add"]["merge"] and not by_name["stem"]["merge"]
    assert by_name["logits"]["frozen"] and by_name["stem"]["size"] == [8, 8]


@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda make: make.__name__)
def test_every_kind_of_network_can_be_drawn(make):
    model = zoo.randomise(make())
    plan = zoo.random_plan(model)
    slim, graph = ccm_tf.rewrite(model, plan), ccm_tf.ChannelGraph(model)
    drawing = network_of(graph, slim)
    assert {p.name for p in graph.producers} <= {node["name"] for node in drawing["nodes"]}
    reached = {target for _, target in drawing["edges"]}
    for place, node in enumerate(drawing["nodes"]):
        assert 1 <= node["kept"] <= node["width"]
        assert place in reached or node["kind"] == "Input"
    assert all(source < target for source, target in drawing["edges"])
    kept = kept_widths(graph, slim)
    for name, channels in plan.kept.items():
        assert kept[name] == len(channels) or "attention" in name or name == "plain", name


def test_models_that_have_nothing_to_do_with_each_other():
    graph = ccm_tf.ChannelGraph(zoo.chain())
    stranger = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="elsewhere")])
    with pytest.raises(ValueError, match="no layer in common with 'chain'.*Pass the model that"):
        kept_widths(graph, stranger)


def test_a_layer_that_has_grown():
    model = zoo.chain()
    slim = ccm_tf.rewrite(model, ccm_tf.PruningPlan.from_kept(model, {"conv1": [0]}))
    with pytest.raises(ValueError, match="Layer 'conv1' has 6 channels .* 1 before.*larger.*first"):
        kept_widths(ccm_tf.ChannelGraph(slim), model)
