import keras
import numpy as np

import ccm_tf
from ccm_tf.gradual.constraint import ChannelConstraint, ChannelMask
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


def test_further_constraints_come_after_the_mask_and_go_with_the_next_masks():
    model, _ = model_and_plan()
    kernel = model.get_layer("stem").kernel
    kernel.constraint = own = keras.constraints.NonNeg()
    masks = ChannelMasks(model)
    masks.constrain(lambda axes, inner: ChannelConstraint(axes, inner))
    assert type(kernel.constraint) is ChannelConstraint
    assert isinstance(kernel.constraint.inner, ChannelMask)
    assert [axis for axis, _ in kernel.constraint.axes] == [3]
    ChannelMasks(model)
    assert isinstance(kernel.constraint, ChannelMask) and kernel.constraint.inner is own


def test_masked_values_can_be_put_back():
    model, plan = model_and_plan()
    before = model.get_weights()
    masks = ChannelMasks(model)
    values = masks.values()
    masks.set(plan.root_mask(masks.graph))
    masks.restore(values)
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
