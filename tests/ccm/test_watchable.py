import keras
import pytest
from keras import layers

from ccm_tf.ccm.loss import CCMLoss
from ccm_tf.ccm.watchable import watchable_call
from ccm_tf.graph.trace import Trace


def find(model, loss):
    return watchable_call(model, loss, Trace(model).calls)


def small():
    inputs = keras.Input((8, 3), name="signal")
    x = layers.Conv1D(4, 3, name="conv")(inputs)
    x = layers.ReLU(name="relu1")(x)
    x = layers.Conv1D(4, 3, name="conv_of_another_kind")(x)
    for index in range(4):
        x = layers.ReLU(name=f"last{index}")(x)
    return keras.Model(inputs, x, name="net")


def test_by_name_and_by_layer():
    model = small()
    for layer in ("relu1", model.get_layer("relu1")):
        call = find(model, CCMLoss(layer))
        assert call.op is model.get_layer("relu1")


def test_first_call_of_a_shared_layer():
    relu = layers.ReLU(name="relu")
    inputs = keras.Input((8, 3))
    model = keras.Model(inputs, relu(layers.Conv1D(4, 3, name="conv")(relu(inputs))))
    assert find(model, CCMLoss(relu)).position == 0


@pytest.mark.parametrize(
    "layer, message",
    [
        (None, "refers to a layer of the model"),
        ("relu2", "'relu2' is not part of model 'net'. Layers that are: relu1"),
        ("zzz", "Layers that are: conv, relu1, conv_of_another_kind, last0, last1, …"),
        (layers.ReLU(name="elsewhere"), "'elsewhere' is not part of model 'net'"),
        (layers.ReLU(name="relu1"), "another layer of that name: take `model.get_layer"),
        ("signal", "'signal' is an input of the model"),
    ],
)
def test_layers_that_are_not_in_the_model(layer, message):
    with pytest.raises(ValueError, match=message):
        find(small(), CCMLoss(layer))


def test_outputs_that_are_no_feature_maps():
    inputs = keras.Input((8, 3))
    states = layers.LSTM(4, return_state=True, name="lstm")(inputs)
    number = keras.ops.sum(states[0])
    model = keras.Model(inputs, [states[0], number])
    with pytest.raises(ValueError, match="'lstm' has 3 outputs"):
        find(model, CCMLoss("lstm"))
    with pytest.raises(ValueError, match=r"output of layer 'sum' of shape.*Received: shape=\(\)"):
        find(model, CCMLoss("sum"))
