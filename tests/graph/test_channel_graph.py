import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph
from tasks.models import resnet, vgg16
from tests import zoo


def groups_by_name(model):
    return {group.name: group for group in ChannelGraph(model).groups}


def test_a_chain_has_one_group_per_layer():
    groups = groups_by_name(zoo.chain())
    assert list(groups) == ["conv1", "conv2", "hidden", "logits"]
    assert [len(g.roots) for g in groups.values()] == [6, 8, 5, 0]
    assert groups["conv2"].consumers == ("hidden",)
    assert groups["logits"].reasons == ("is an output of the model",)


def test_a_residual_stream_is_one_group():
    groups = groups_by_name(zoo.residual())
    assert [p.name for p in groups["stem"].producers] == ["stem", "b1_conv2", "b2_conv2"]
    assert groups["stem"].consumers == ("b1_conv1", "b2_conv1", "logits")
    assert len(groups["stem"].roots) == 4


def test_padded_shortcut_ties_channels_at_their_offset():
    groups = groups_by_name(zoo.padded_shortcut())
    stem, conv1, _ = groups["stem"].producers
    assert conv1.roots[1:5].tolist() == stem.roots.tolist()
    assert len(groups["stem"].roots) == 7


def test_what_meets_the_input_is_frozen():
    graph = ChannelGraph(zoo.concatenation())
    group = next(g for g in graph.groups if g.name == "c" or "c" in [p.name for p in g.producers])
    # Three of the twelve channels of `c` are added to the model's input.
    assert len(group.frozen) == 3
    assert "'join' joins them with channels that must stay" in group.reasons


def test_unknown_layers_freeze_with_a_way_out():
    class Mystery(layers.Layer):
        def call(self, inputs):
            return inputs

    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    x = Mystery(name="mystery")(x)
    model = keras.Model(inputs, layers.Conv2D(2, 1, name="out")(x))
    group = groups_by_name(model)["conv"]
    assert len(group.roots) == 0
    (reason,) = group.reasons
    assert reason == ("'mystery' (Mystery) is not handled: teach it with `ccm_tf.register_handler`")


def test_one_channel_is_spread_and_never_removed():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="wide")(inputs)
    gate = layers.Conv2D(1, 3, activation="sigmoid", name="gate")(inputs)
    x = layers.Multiply(name="product")([x, gate])
    model = keras.Model(inputs, layers.Conv2D(2, 1, name="out")(x))
    groups = groups_by_name(model)
    assert len(groups["wide"].roots) == 4
    assert groups["gate"].reasons == ("'product' spreads this single channel over 4",)


def test_softmax_over_channels_freezes():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="softmax", name="conv")(inputs)
    model = keras.Model(inputs, layers.Conv2D(2, 1, name="out")(x))
    assert "softmax" in groups_by_name(model)["conv"].reasons[0]


@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda m: m.__name__)
def test_counts_of_the_dense_model(make):
    model = make()
    graph = ChannelGraph(model)
    assert graph.params() == model.count_params()
    assert graph.params(graph.all_kept()) == graph.params()
    assert graph.macs(graph.all_kept()) == graph.macs() > 0


@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda m: m.__name__)
def test_groups_part_the_channels(make):
    graph = ChannelGraph(make())
    everything = np.concatenate([np.r_[g.roots, g.frozen] for g in graph.groups])
    made = np.unique(np.concatenate([p.roots for p in graph.producers]))
    assert sorted(everything) == made.tolist()


def test_producers_know_their_weights():
    model = zoo.chain()
    producer = groups_by_name(model)["conv1"].producers[0]
    conv = model.get_layer("conv1")
    assert producer.layer is conv
    assert [(v is conv.kernel, axis) for v, axis in producer.weights] == [(True, 3), (False, 0)]


def test_fingerprint_follows_the_architecture_only():
    first = ChannelGraph(zoo.chain()).fingerprint
    assert first == ChannelGraph(zoo.randomise(zoo.chain(), seed=3)).fingerprint
    assert first != ChannelGraph(zoo.residual()).fingerprint


def test_summary_prints_groups_and_reasons():
    lines = []
    ChannelGraph(zoo.chain()).summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "4 groups, 19 of 23 channels are free" in text
    assert "made by conv2 (8)" in text
    assert "kept: is an output of the model" in text


def test_reference_networks_have_the_papers_feature_maps():
    maps = [m for m in ChannelGraph(vgg16(10, width=0.25)).feature_maps if m.conv_read]
    assert [m.layer for m in maps] == (
        "relu1 pool1 relu3 pool2 relu5 relu6 pool3 relu8 relu9 pool4 relu11 relu12".split()
    )
    for depth, count in ((56, 55), (110, 109)):
        graph = ChannelGraph(resnet(depth, 10))
        assert sum(m.conv_read for m in graph.feature_maps) == count


def test_quantised_and_lora_layers_are_refused():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="a"), layers.Dense(2)])
    model.get_layer("a").enable_lora(2)
    with pytest.raises(ValueError, match="'a' has LoRA enabled"):
        ChannelGraph(model)


def test_wrong_handlers_are_named():
    from ccm_tf.graph import Channels, Effect, register_handler

    class Broken(layers.Layer):
        def call(self, inputs):
            return inputs

    @register_handler(Broken)
    def broken(call, flow):
        return Effect([Channels(flow.of(call.inputs[0]).labels[:1], 3)])

    inputs = keras.Input((8, 8, 3))
    x = Broken(name="broken")(layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, layers.Conv2D(2, 1)(x))
    with pytest.raises(ValueError, match="handler of 'broken'.*gave 1 labels"):
        ChannelGraph(model)
