import keras
import numpy as np

import ccm_tf
from ccm_tf.gradual.masks import ChannelMasks
from tests import zoo


def model_and_plan():
    model = zoo.randomise(zoo.residual())
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    for variable in model.optimizer.variables[2:]:
        variable.assign(np.ones(variable.shape))
    return model, zoo.random_plan(model)


def test_setting_masks_zeroes_weights_as_mask_does_and_slots_too():
    model, plan = model_and_plan()
    expected = ccm_tf.mask(model, plan).get_weights()
    masks = ChannelMasks(model)
    masks.set(plan.root_mask(masks.graph))
    for ours, theirs in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    kernel = keras.ops.convert_to_numpy(model.get_layer("stem").kernel)
    momentum = next(v for v in model.optimizer.variables if "stem_kernel_momentum" in v.path)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(momentum) == 0, kernel == 0)


def test_masks_are_read_from_zeros():
    model, plan = model_and_plan()
    masked = ccm_tf.mask(model, plan)
    masks = ChannelMasks(masked)
    expected = plan.root_mask(masks.graph)[masks.graph.labels_to_roots]
    np.testing.assert_array_equal(masks.alive, expected)
    masked.set_weights(model.get_weights())
    masks.read()
    assert masks.alive.all()


def test_the_view_is_the_slim_model_and_leads_back():
    model, plan = model_and_plan()
    masks = ChannelMasks(model)
    masks.set(plan.root_mask(masks.graph))
    graph, back = masks.view()
    assert graph.model.count_params() == ccm_tf.rewrite(model, plan).count_params()
    np.testing.assert_array_equal(back(graph.all_kept()), masks.alive)
    mask = graph.all_kept()
    conv = next(p for p in graph.producers if p.name == "b1_conv1")
    mask[conv.roots[0]] = False
    full = next(p for p in masks.graph.producers if p.name == "b1_conv1")
    expected = masks.alive.copy()
    expected[full.roots[plan.kept["b1_conv1"][0]]] = False
    np.testing.assert_array_equal(back(mask), expected)


def test_masked_values_can_be_put_back():
    model, plan = model_and_plan()
    before = model.get_weights()
    masks = ChannelMasks(model)
    values = masks.values()
    masks.set(plan.root_mask(masks.graph))
    masks.restore(values)
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
