import keras
from keras import layers

from ccm_tf.graph import Trace
from ccm_tf.lrp.signs import never_negative


def test_what_is_known_not_to_be_negative():
    inputs = keras.Input((4, 4, 2))
    a = layers.Conv2D(3, 1, activation="relu", name="a")(inputs)
    b = layers.ReLU(name="b")(layers.Conv2D(3, 1, name="conv")(a))
    c = layers.LeakyReLU(name="c")(b)
    d = layers.MaxPooling2D(name="d")(layers.Add(name="add")([a, b]))
    e = layers.Add(name="e")([a, c])
    f = layers.Concatenate(name="f")([a, layers.ReLU(negative_slope=0.1, name="leaky")(e)])
    model = keras.Model(inputs, [d, f])
    trace = Trace(model)
    found = {trace.calls[tensor.call].name for tensor in never_negative(trace)}
    assert found == {"a", "b", "add", "d"}
