import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.gradual.zeros import alive_roots, masked_plan, strip_pruning
from ccm_tf.graph import ChannelGraph
from tests import zoo


@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda m: m.__name__)
def test_the_plan_of_a_masked_model_is_the_one_it_was_masked_with(make):
    model = zoo.randomise(make())
    plan = zoo.random_plan(model)
    masked = ccm_tf.mask(model, plan)
    found = masked_plan(masked)
    assert found.kept == plan.kept
    assert found.criterion == {"name": "masks"}


def test_strip_gives_the_slim_model_with_the_same_outputs(tmp_path):
    model = zoo.randomise(zoo.residual())
    masked = ccm_tf.mask(model, zoo.random_plan(model))
    slim = strip_pruning(masked)
    assert slim.count_params() < masked.count_params()
    x = zoo.inputs_for(model)
    for ours, theirs in zip(zoo.outputs(slim, x), zoo.outputs(masked, x), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    masked.save(tmp_path / "masked.keras")
    again = strip_pruning(keras.models.load_model(tmp_path / "masked.keras"))
    assert again.count_params() == slim.count_params()


def test_nothing_is_masked_in_an_untouched_model():
    model = zoo.chain()
    assert alive_roots(ChannelGraph(model)).all()
    assert strip_pruning(model).count_params() == model.count_params()


def test_zeros_on_one_side_are_no_mask():
    model = zoo.randomise(zoo.chain())
    kernel = model.get_layer("conv2").kernel
    value = np.array(keras.ops.convert_to_numpy(kernel))
    value[..., 3] = 0
    kernel.assign(value)
    assert alive_roots(ChannelGraph(model)).all()


def test_a_layer_of_zeros_keeps_a_channel():
    model = zoo.randomise(zoo.chain())
    for name in ("conv1", "bn1", "conv2"):
        for weight in model.get_layer(name).weights:
            weight.assign(np.zeros(weight.shape))
    assert len(masked_plan(model).kept["conv1"]) == 1
    assert strip_pruning(model).get_layer("conv1").filters == 1
