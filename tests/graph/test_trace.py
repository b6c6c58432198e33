import keras
import numpy as np
import pytest

from ccm_tf.graph.trace import Trace
from tests import zoo


@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda m: m.__name__)
def test_run_equals_the_model(make):
    model = zoo.randomise(make())
    inputs = zoo.inputs_for(model)
    trace = Trace(model)
    result = trace.run(keras.tree.map_structure(keras.ops.convert_to_tensor, inputs))
    expected = zoo.outputs(model, inputs)
    got = [keras.ops.convert_to_numpy(t) for t in keras.tree.flatten(result)]
    for a, b in zip(expected, got, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_calls_are_the_models_own_layers_in_order():
    model = zoo.chain()
    trace = Trace(model)
    assert [call.op for call in trace.calls] == model.layers[1:]
    assert [call.position for call in trace.calls] == list(range(len(trace.calls)))
    assert trace.calls[0].outputs[0].shape == (None, 8, 8, 6)


def test_reading_and_running_leave_no_nodes():
    model = zoo.residual()
    before = [len(layer._inbound_nodes) for layer in model.layers]
    trace = Trace(model)
    trace.run(keras.ops.convert_to_tensor(zoo.inputs_for(model)))
    assert [len(layer._inbound_nodes) for layer in model.layers] == before


def test_shared_layers_have_one_call_each_time():
    trace = Trace(zoo.shared())
    names = [call.name for call in trace.calls]
    assert names.count("conv") == 3
    assert names.count("bn") == 2
    calls = [call for call in trace.calls if call.name == "conv"]
    assert len({call.inputs for call in calls}) == 3


def test_structure_of_inputs_and_outputs_is_kept():
    model = zoo.shared()
    trace = Trace(model)
    assert sorted(trace.inputs) == ["first", "second"]
    assert sorted(trace.outputs) == ["label", "score"]
    inputs = trace.symbolic_inputs()
    clone = keras.Model(inputs, trace.run(inputs))
    assert sorted(clone.output) == ["label", "score"]
    assert sorted(t.name for t in clone.inputs) == ["first", "second"]


def test_apply_can_replace_what_a_call_returns():
    model = zoo.chain()
    seen = []

    def apply(call, args, kwargs):
        seen.append(call.name)
        result = call.op(*args, **kwargs)
        return keras.ops.zeros_like(result) if call.name == "hidden" else result

    inputs = keras.ops.convert_to_tensor(zoo.inputs_for(model))
    zeroed = keras.ops.convert_to_numpy(Trace(model).run(inputs, apply))
    assert seen == [call.name for call in Trace(model).calls]
    # A zero hidden layer makes all samples alike.
    np.testing.assert_allclose(zeroed[0], zeroed[1], atol=1e-7)


def test_arguments_that_are_no_tensors_are_kept():
    trace = Trace(zoo.slices())
    item = next(call for call in trace.calls if type(call.op).__name__ == "GetItem")
    assert item.args[1][-1] == slice(1, 7, 2)
