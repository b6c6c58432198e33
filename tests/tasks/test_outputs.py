import keras
import numpy as np
import pytest

from tasks.outputs import Outputs

layers = keras.layers


def model(units, activation=None, positions=False):
    inputs = keras.Input((4, 4, 3))
    x = inputs if positions else layers.GlobalAveragePooling2D()(inputs)
    return keras.Model(inputs, layers.Dense(units, activation=activation)(x), name="net")


CASES = [(3, None), (3, "softmax"), (1, None), (1, "sigmoid")]


@pytest.mark.parametrize(("units", "activation"), CASES)
@pytest.mark.parametrize("positions", [False, True])
def test_logits_decide_as_the_model_does(units, activation, positions):
    net = model(units, activation, positions)
    outputs = Outputs.of(net)
    assert outputs.classes == max(units, 2) and outputs.positions == positions
    x = np.random.default_rng(0).normal(size=(5, 4, 4, 3)).astype("float32")
    values = np.asarray(net(x))
    around = outputs.logits(net, "student")
    logits = np.asarray(around(x))
    assert logits.shape == (*values.shape[:-1], outputs.classes)
    np.testing.assert_array_equal(outputs.decided(values), logits.argmax(-1))
    shares = np.asarray(keras.ops.softmax(logits))
    if activation:
        np.testing.assert_allclose(shares[..., -1], values[..., -1], rtol=1e-3, atol=1e-6)
    assert around.layers[1] is net


def test_several_outputs():
    inputs = keras.Input((4,))
    two = keras.Model(inputs, [layers.Dense(2)(inputs), layers.Dense(2)(inputs)], name="two")
    with pytest.raises(ValueError, match="'two' has 2 outputs; expected one"):
        Outputs.of(two)


def test_independent_classes():
    assert Outputs.of(model(4, "sigmoid")).independent
    assert not Outputs.of(model(1, "sigmoid")).independent


@pytest.mark.parametrize(
    ("shape", "activation", "values", "expected"),
    [
        ((3,), "softmax", [[0.2, 0.5, 0.3]], -np.log(0.5)),
        ((3,), None, [np.log([0.2, 0.5, 0.3]) + 7], -np.log(0.5)),
        ((1,), "sigmoid", [[0.9]], -np.log(0.9)),
        ((1,), None, [[-np.log(1 / 0.9 - 1)]], -np.log(0.9)),
    ],
)
def test_log_loss(shape, activation, values, expected):
    found = Outputs(shape, activation).log_loss(np.array(values), np.array([1]))
    assert found == pytest.approx(expected)
