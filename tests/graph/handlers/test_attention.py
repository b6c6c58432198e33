import keras
import numpy as np
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.rewrite import rewrite
from tests import zoo


def test_paths_of_grouped_query_attention():
    """Its kernels have no public attributes: a Keras that names them otherwise is found here."""
    layer = layers.GroupQueryAttention(2, 6, 3, use_gate=True, name="attention")
    layer.build((None, 7, 8), (None, 7, 5))
    shapes = {"/".join(w.path.split("/")[-2:]): tuple(w.shape) for w in layer.weights}
    assert shapes == {
        "query/kernel": (8, 6, 2),
        "query/bias": (6, 2),
        "key/kernel": (5, 3, 2),
        "key/bias": (3, 2),
        "gate/kernel": (8, 6, 2),
        "gate/bias": (6, 2),
        "value/kernel": (5, 3, 2),
        "value/bias": (3, 2),
        "attention_output/kernel": (6, 2, 8),
        "attention_output/bias": (8,),
    }


def test_query_heads_go_with_their_keys_and_values():
    model = zoo.randomise(zoo.grouped_queries())
    assert len(next(p for p in ChannelGraph(model).producers if p.name == "attention").roots) == 3
    slim = rewrite(model, PruningPlan.from_kept(model, {"attention": [0, 2], "plain": [1]}))
    attention, plain = slim.get_layer("attention"), slim.get_layer("plain")
    assert (attention.num_query_heads, attention.num_key_value_heads) == (4, 2)
    assert (plain.num_query_heads, plain.num_key_value_heads) == (1, 1)
    before = {
        w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w)
        for w in model.get_layer("attention").weights
    }
    after = {w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w) for w in attention.weights}
    np.testing.assert_array_equal(after["query/kernel"], before["query/kernel"][:, [0, 1, 4, 5]])
    np.testing.assert_array_equal(after["key/bias"], before["key/bias"][[0, 2]])


def test_macs_of_grouped_query_attention():
    graph = ChannelGraph(zoo.grouped_queries())
    (effect,) = [
        effect
        for call, effect in zip(graph.trace.calls, graph.effects, strict=True)
        if call.name == "attention"
    ]
    steps, width, size, queries, pairs = 7, 6, 2, 6, 3
    projections = steps * width * size * (2 * queries + 2 * pairs + queries)  # gate and output
    assert sum(m.count() for m in effect.macs) == projections + 2 * steps**2 * size * queries
