"""Whatever the model and the plan: slim equals masked, nothing is empty, nothing broadcasts."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from ccm_tf.graph import ChannelGraph, Channels, Effect, register_handler
from ccm_tf.graph.registry import handler_for_kind
from ccm_tf.mask import mask
from ccm_tf.slim import SlimCopy
from tests import zoo
from tests.graph.random_models import build


@pytest.fixture(autouse=True)
def double_precision():
    """So that a difference is an error in the graph, not in the arithmetic (JAX stays single)."""
    before = keras.config.floatx()
    if keras.backend.backend() != "jax":
        keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


class Watched(SlimCopy):
    """Compares the shape of every tensor with the one that the labels foretell."""

    def apply(self, call, args, kwargs):
        result = super().apply(call, args, kwargs)
        made = keras.tree.flatten(result)
        for tensor in call.outputs:
            expected = list(tensor.shape)
            channels = self.graph.channels_of(tensor)
            if channels is not None:
                expected[channels.axis] = int(np.count_nonzero(self.kept(channels.labels)))
                assert expected[channels.axis] > 0, call.name
            assert tuple(made[tensor.index].shape) == tuple(expected), call.name
        return result


def assert_close(a, b):
    tolerance = 1e-5 if a.dtype == np.float64 else 1e-4
    scale = max(1.0, np.abs(a).max())
    np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * scale)


def check(seed, steps, share):
    model = zoo.randomise(build(seed, steps), seed)
    graph = ChannelGraph(model)
    plan = zoo.random_plan(model, seed, share)
    inputs = zoo.inputs_for(model)
    slim = Watched(graph, graph.kept(plan.root_mask(graph))).model
    found = zoo.outputs(slim, inputs)
    for a, b in zip(zoo.outputs(mask(model, plan), inputs), found, strict=True):
        assert_close(a, b)
    assert plan.counts["kept"]["params"] == slim.count_params()
    assert plan.counts["kept"]["macs"] == ChannelGraph(slim).macs()
    again = keras.Model.from_config(slim.get_config())
    again.set_weights(slim.get_weights())
    for a, b in zip(found, zoo.outputs(again, inputs), strict=True):
        np.testing.assert_array_equal(a, b)


models = {
    "seed": st.integers(0, 10**6),
    "steps": st.integers(1, 6),
    "share": st.sampled_from([0.3, 0.6, 0.95]),
}


@settings(max_examples=100 if keras.backend.backend() == "tensorflow" else 20)
@given(**models)
def test_slim_equals_masked(seed, steps, share):
    check(seed, steps, share)


@pytest.mark.slow
@pytest.mark.long
@settings(max_examples=1000)
@given(**{**models, "steps": st.integers(3, 12)})
def test_slim_equals_masked_on_a_thousand_models(seed, steps, share):
    check(seed, steps, share)


def test_the_models_hold_many_kinds_of_operations_and_most_channels_are_free():
    """The property would hold for a graph that froze everything."""
    kinds, free = set(), []
    for seed in range(30):
        graph = ChannelGraph(build(seed, 6))
        kinds |= {type(call.op).__name__ for call in graph.trace.calls}
        counts = [(len(group.roots), len(group.frozen)) for group in graph.groups]
        free.append(sum(n for n, _ in counts) / max(1, sum(map(sum, counts))))
    assert len(kinds) > 30
    assert np.mean(free) > 0.5


def test_fewer_steps_make_the_same_model_shorter():
    long = {call.name for call in ChannelGraph(build(3, 4)).trace.calls}
    keras.utils.clear_session()
    assert len({call.name for call in ChannelGraph(build(3, 2)).trace.calls}) < len(long)


def test_a_wrong_handler_is_found():
    """Rows of a dense layer in the order of channels, then pixels: the mistake of many tools."""

    def wrong(call, flow):
        effect = flatten(call, flow)
        (channels,) = effect.outputs
        if channels is None:
            return effect
        return Effect([Channels(np.sort(channels.labels), channels.axis)])

    flatten = handler_for_kind(layers.Flatten)
    register_handler(layers.Flatten)(wrong)
    try:
        with pytest.raises(AssertionError):
            for seed in range(40):
                check(seed, 4, 0.6)
    finally:
        register_handler(layers.Flatten)(flatten)
