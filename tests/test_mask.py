import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.graph import ChannelGraph
from ccm_tf.mask import mask
from ccm_tf.pruning_plan import PruningPlan
from tests import zoo


@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda m: m.__name__)
def test_every_dropped_slice_is_zero_and_every_kept_one_is_unchanged(make):
    model = zoo.randomise(make())
    plan = zoo.random_plan(model)
    masked = mask(model, plan)
    graph = ChannelGraph(model)
    kept = graph.kept(plan.root_mask(graph))
    twins = {layer.name: layer for layer in masked.layers}
    dropped = 0
    for call in graph.trace.calls:
        for weight in graph.weights_of(call.position):
            at = [w is weight.variable for w in call.op.weights].index(True)
            before = keras.ops.convert_to_numpy(weight.variable)
            after = keras.ops.convert_to_numpy(twins[call.name].weights[at])
            gone = np.zeros(before.shape, bool)
            for axis, labels in enumerate(weight.axes):
                if labels is not None:
                    shape = [1] * before.ndim
                    shape[axis] = -1
                    gone |= ~kept(labels).reshape(shape)
            np.testing.assert_array_equal(after[gone], weight.masked)
            np.testing.assert_array_equal(after[~gone], before[~gone])
            dropped += gone.sum()
    assert dropped > 0


def test_dropped_feature_maps_are_zero():
    model = zoo.randomise(zoo.residual())
    masked = mask(model, PruningPlan.from_kept(model, {"b1_conv1": [0, 5]}))
    tap = keras.Model(masked.inputs, masked.get_layer("b1_relu1").output)
    features = keras.ops.convert_to_numpy(tap(zoo.inputs_for(model)))
    assert not features[..., 1:5].any()
    assert features[..., [0, 5]].any()


def test_a_plan_of_directions_is_refused():
    plan = ccm_tf.EigenPlan.__new__(ccm_tf.EigenPlan)
    with pytest.raises(ValueError, match="Received a EigenPlan"):
        mask(zoo.chain(), plan)
