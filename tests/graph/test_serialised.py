import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph.serialised import functional_view
from ccm_tf.graph.trace import Trace
from tests import zoo


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


def test_subclassed_model_is_refused():
    with pytest.raises(ValueError, match="is subclassed.*functional API"):
        Trace(Subclassed())


def test_unbuilt_model_is_refused():
    with pytest.raises(ValueError, match="is not built.*keras.Input"):
        Trace(keras.Sequential([layers.Dense(3)]))


def test_what_is_no_model_is_refused():
    with pytest.raises(ValueError, match="Expected a built functional.*Received: 3"):
        Trace(3)


def test_model_that_cannot_be_serialised_is_refused():
    class NoConfig(layers.Layer):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def call(self, inputs):
            return inputs * float(self.factor.shape[0])

    inputs = keras.Input((3,))
    model = keras.Model(inputs, NoConfig(np.ones(2))(inputs))
    with pytest.raises(ValueError, match="get_config"):
        Trace(model)


def test_functional_view_shares_the_layers_of_a_sequential_model():
    model = zoo.sequential()
    view = functional_view(model)
    assert view.layers[1] is model.layers[0]
    assert not isinstance(view, keras.Sequential)
