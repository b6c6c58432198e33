import keras
import numpy as np
from keras import layers

from ccm_tf.graph import ChannelGraph, Trace
from tests import zoo


def test_nested_models_are_flattened_with_unique_names():
    trace = Trace(zoo.nested())
    assert [call.name for call in trace.calls] == [
        "conv",
        *("block_conv", "bn", "conv2", "add") * 2,
        "gap",
        "hidden",
        "logits",
    ]
    assert not any(isinstance(call.op, keras.Model) for call in trace.calls)


def test_a_block_that_is_used_twice_is_one_set_of_channels():
    groups = {g.name: g for g in ChannelGraph(zoo.nested()).groups}
    assert [p.name for p in groups["conv"].producers] == ["conv", "conv2"]
    assert groups["block_conv"].consumers == ("conv2",)


def test_models_in_models_in_models():
    leaf = keras.Sequential([keras.Input((4,)), layers.Dense(5, name="dense")], name="leaf")
    inputs = keras.Input((4,))
    branch = keras.Model(inputs, [leaf(inputs), inputs], name="branch")
    root = keras.Input((4,))
    made, same = branch(root)
    model = zoo.randomise(keras.Model(root, layers.Concatenate(name="join")([same, made, same])))
    trace = Trace(model)
    assert [call.name for call in trace.calls] == ["dense", "join"]
    x = zoo.inputs_for(model)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(trace.run(keras.ops.convert_to_tensor(x))),
        zoo.outputs(model, x)[0],
    )


def test_a_nested_model_may_be_the_whole_model():
    inner = zoo.chain()
    inputs = keras.Input((8, 8, 3))
    assert [c.name for c in Trace(keras.Model(inputs, inner(inputs))).calls] == [
        c.name for c in Trace(inner).calls
    ]
