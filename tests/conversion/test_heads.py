import keras
import numpy as np
import pytest

from ccm_tf.conversion.heads import with_batch_size, with_output_names, with_softmax

layers = keras.layers


def logits():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3)])


def test_softmax_is_added_once():
    model = logits()
    model = keras.Model(model.inputs[0], model.outputs[0], name="net")
    probabilities = with_softmax(model)
    x = np.random.default_rng(0).standard_normal((5, 4)).astype("float32")
    expected = np.exp(model.predict_on_batch(x))
    expected /= expected.sum(-1, keepdims=True)
    np.testing.assert_allclose(probabilities.predict_on_batch(x), expected, rtol=1e-5)
    assert with_softmax(probabilities) is probabilities
    assert probabilities.name == "net"


def test_softmax_of_a_sigmoid_is_refused():
    inputs = keras.Input((4,))
    with pytest.raises(ValueError, match="ends in a sigmoid"):
        with_softmax(keras.Model(inputs, layers.Dense(2, activation="sigmoid")(inputs)))
    with pytest.raises(ValueError, match=r"of at least two classes. Received.*1\)"):
        with_softmax(keras.Model(inputs, layers.Dense(1)(inputs)))


def test_names():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [inputs * 1.0, inputs * 2.0])
    found = with_output_names(model, ["once", "twice"]).predict_on_batch(np.ones((1, 4)))
    assert found["twice"][0, 0] == 2 * found["once"][0, 0] == 2
    for names in (["a"], ["a", "a"], ["a", ""]):
        with pytest.raises(ValueError, match="a name for each of the 2 outputs"):
            with_output_names(model, names)


def test_batch_size_shares_the_weights():
    inputs = keras.Input((4,), name="x")
    model = keras.Model(inputs, layers.Dense(2)(inputs), name="net")
    fixed = with_batch_size(model, 3)
    assert fixed.inputs[0].shape == (3, 4) and fixed.inputs[0].name == "x"
    model.layers[1].kernel.assign(np.ones((4, 2)))
    assert fixed.predict_on_batch(np.ones((3, 4)))[0, 0] == 4
    with pytest.raises(ValueError, match="built for a batch size of 3. Received: batch_size=2"):
        with_batch_size(fixed, 2)
    with pytest.raises(ValueError, match="positive integer. Received: True"):
        with_batch_size(model, True)
