import keras
import pytest

from ccm_tf.graph import ChannelGraph
from tests import zoo
from tests.graph import examples
from tests.graph.handlers.test_handlers import assert_slim_equals_masked


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", ["LayerScale", "CustomScaleLayer"])
def test_layers_that_keras_does_not_export(name):
    for make in examples.MODELS[name]:
        model = zoo.randomise(make())
        assert name in {type(layer).__name__ for layer in model.layers} | {
            type(op).__name__ for op in ChannelGraph(model).trace.ops.values()
        }
        assert_slim_equals_masked(model)


def test_only_normalisation_over_channels_freezes_a_convnext():
    graph = ChannelGraph(keras.applications.ConvNeXtTiny(weights=None, input_shape=(32, 32, 3)))
    reasons = {reason.split("(")[-1] for group in graph.groups for reason in group.reasons}
    assert not [r for r in reasons if "not handled" in r]
    assert sum(len(group.roots) for group in graph.groups) > 10_000
