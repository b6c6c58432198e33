import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.prefilled import Prefilled
from ccm_tf.rewrite import rewrite
from tests import zoo


def filled(source, values):
    """A new layer made with `values`, and the `Prefilled` that made it."""
    prefilled = Prefilled(source.get_config(), source, values)
    layer = type(source).from_config(prefilled.config)
    layer.build((None, 8, 8, 3))
    prefilled.restore(layer)
    return layer, prefilled


def dense():
    source = layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(stddev=7.0))
    source.build((None, 8, 8, 3))
    return source


def test_weights_are_there_when_the_layer_is_built():
    source = dense()
    values = {id(w): np.full(w.shape, 3.0, "float32") for w in source.weights}
    layer, prefilled = filled(source, values)
    assert prefilled.taken == set(values)
    for weight in layer.weights:
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), 3.0)


def test_the_config_is_what_it_was():
    source = dense()
    layer, _ = filled(source, {id(w): np.ones(w.shape, "float32") for w in source.weights})
    assert layer.get_config() == source.get_config()
    assert layer.kernel_initializer.stddev == 7.0


def test_values_of_another_shape_are_left_to_the_one_who_copies():
    source = dense()
    _, prefilled = filled(source, {id(source.kernel): np.ones((2, 4), "float32")})
    assert not prefilled.taken


def test_layers_of_others_are_left_alone():
    class Mine(layers.Dense):
        pass

    source = Mine(4)
    source.build((None, 3))
    prefilled = Prefilled(source.get_config(), source, {id(w): None for w in source.weights})
    assert prefilled.config == source.get_config()


@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda m: m.__name__)
def test_configs_of_copied_layers_are_those_of_the_model(make):
    model = make()
    plan = zoo.random_plan(model, share=0.0)
    copy = {op.name: op for op in rewrite(model, plan).layers}
    for layer in model.layers:
        if layer.name in copy and not isinstance(layer, (keras.Model, layers.InputLayer)):
            assert copy[layer.name].get_config() == layer.get_config()
