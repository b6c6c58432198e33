"""Every entry of the registry: slim equals masked on a use of it."""

import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.registry import handled_layers, handled_operations
from ccm_tf.mask import mask
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.rewrite import rewrite
from tests import zoo
from tests.graph import examples


def between_kernels(use, rank=2):
    """A model in which `use` lies between a convolution and a dense layer."""
    conv = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}[rank]
    inputs = keras.Input((*(8,) * rank, 3))
    x = use(conv(6, 1, name="before")(inputs))
    x = layers.Flatten(name="flat")(x)
    return zoo.randomise(keras.Model(inputs, layers.Dense(3, name="after")(x)))


def all_frozen(model, exact=True):
    graph = ChannelGraph(model, exact)
    before = next(p for p in graph.producers if p.name == "before")
    return graph.is_frozen(before.roots).all()


def assert_slim_equals_masked(model):
    graph = ChannelGraph(model)
    assert sum(len(g.roots) for g in graph.groups), [g.reasons for g in graph.groups]
    inputs = zoo.inputs_for(model)
    for seed in range(3):
        plan = zoo.random_plan(model, seed)
        masked, slim = mask(model, plan), rewrite(model, plan)
        for a, b in zip(zoo.outputs(masked, inputs), zoo.outputs(slim, inputs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(a).max()))


@pytest.mark.parametrize("cls", handled_layers(), ids=lambda cls: cls.__name__)
def test_layer(cls):
    if cls.__module__.split(".")[0] != "keras":
        pytest.skip("registered by a test")
    if cls in examples.INEXACT and cls not in examples.LAYERS:
        return  # see test_inexact
    for make in examples.MODELS.get(cls, ()):
        assert_slim_equals_masked(zoo.randomise(make()))
    if cls in examples.MODELS:
        return
    assert cls in examples.LAYERS, f"add a use of {cls.__name__} to tests/graph/examples.py"
    for use in examples.LAYERS[cls]:
        model = between_kernels(use, examples.rank_for(cls))
        assert not all_frozen(model)
        assert_slim_equals_masked(model)


@pytest.mark.parametrize("name", handled_operations())
def test_operation(name):
    if name in examples.MODELS:
        return  # layers that Keras does not export, see test_applications
    assert name in examples.OPERATIONS, f"add a use of {name} to tests/graph/examples.py"
    for use in examples.OPERATIONS[name]:
        model = between_kernels(use)
        kinds = {type(op).__name__ for op in model.operations}
        assert name in kinds, f"the example of {name} makes {kinds} only"
        assert not all_frozen(model)
        assert_slim_equals_masked(model)


@pytest.mark.parametrize("kind", examples.INEXACT, ids=lambda k: getattr(k, "__name__", k))
def test_inexact(kind):
    for use in examples.INEXACT[kind]:
        model = between_kernels(use)
        assert all_frozen(model)
        assert not all_frozen(model, exact=False)
        plan = PruningPlan.from_kept(model, {"before": [0, 1, 3, 4]}, exact=False)
        slim = rewrite(model, plan)
        assert slim.get_layer("before").filters == 4
        (output,) = zoo.outputs(slim, zoo.inputs_for(model))
        assert np.isfinite(output).all()
