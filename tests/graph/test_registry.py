import inspect

import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph, Channels, Effect, register_handler
from ccm_tf.graph.registry import frozen_kinds, handled_layers, handler_for
from ccm_tf.mask import mask
from ccm_tf.rewrite import rewrite
from tests import zoo


def exported_layers():
    """Every layer class of the running Keras, abstract ones included."""
    found = [getattr(layers, name) for name in dir(layers)]
    return {c for c in found if inspect.isclass(c) and issubclass(c, layers.Layer)}


def test_every_layer_of_keras_is_handled_or_frozen_on_purpose():
    known = set(handled_layers()) | set(frozen_kinds())
    missing = sorted(c.__name__ for c in exported_layers() - known)
    assert not missing, f"decide what becomes of channels in: {missing}"


def test_no_layer_is_both():
    assert not set(handled_layers()) & set(frozen_kinds())


@pytest.mark.parametrize("kind", frozen_kinds(), ids=lambda k: getattr(k, "__name__", k))
def test_reasons_end_a_sentence_that_starts_with_the_layer(kind):
    reason = frozen_kinds()[kind]
    assert reason[0].islower() and not reason.endswith(".")


class LayerScale(layers.Layer):
    """A factor per channel, as a user would write it."""

    def build(self, shape):
        self.gamma = self.add_weight(shape=(shape[-1],), initializer="ones", name="gamma")

    def call(self, inputs):
        return inputs * self.gamma


def scaled():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, name="conv")(inputs)
    x = LayerScale(name="scale")(x)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return zoo.randomise(keras.Model(inputs, layers.Dense(2, name="logits")(x)))


def test_a_users_own_layer_is_frozen_until_it_is_registered():
    assert "is not handled" in ChannelGraph(scaled()).groups[0].reasons[0]

    @register_handler(LayerScale)
    def layer_scale(call, flow):
        channels = flow.of(call.inputs[0])
        if channels is None:
            return Effect([None])
        return Effect([channels], weights={"gamma": (channels.labels,)})

    model = scaled()
    assert len(ChannelGraph(model).groups[0].roots) == 6
    plan, inputs = zoo.random_plan(model), zoo.inputs_for(model)
    (a,), (b,) = zoo.outputs(mask(model, plan), inputs), zoo.outputs(rewrite(model, plan), inputs)
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_a_subclass_with_a_call_of_its_own_is_not_taken_for_its_parent():
    class Reversed(layers.Conv2D):
        def call(self, inputs):
            return super().call(inputs)[..., ::-1]

    class Renamed(layers.Conv2D):
        pass

    assert handler_for(Renamed(2, 1)) is handler_for(layers.Conv2D(2, 1))
    assert handler_for(Reversed(2, 1)) is not handler_for(layers.Conv2D(2, 1))


def test_names_of_foreign_operations_are_not_trusted():
    class Add(keras.Operation):
        def call(self, a):
            return a

        def compute_output_spec(self, a):
            return keras.KerasTensor(a.shape, a.dtype)

    inputs = keras.Input((8, 8, 3))
    x = Add()(layers.Conv2D(4, 3, name="conv")(inputs))
    model = keras.Model(inputs, layers.Conv2D(2, 1)(x))
    assert "is not handled" in ChannelGraph(model).groups[0].reasons[0]


def test_effects_are_what_handlers_return():
    effect = Effect([Channels(np.arange(3), 1)])
    assert effect.weights == {} and effect.macs == () and effect.produces is None
