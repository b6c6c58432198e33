import keras
import numpy as np
import pytest

from ccm_tf.statistics import inner_gradients as module
from ccm_tf.statistics.inner_gradients import inner_gradients


def test_gradients_at_tensors_in_the_middle():
    inputs = keras.Input((2,))
    layer = keras.layers.Dense(2, use_bias=False)
    model = keras.Model(inputs, layer(inputs))
    layer.kernel.assign(np.float32([[1, 2], [3, 4]]))

    def function(tap, x):
        middle = tap(model(x))
        end = tap(middle * middle)
        return keras.ops.sum(3 * end), middle

    run = inner_gradients(model, function, lambda found, kept: [found[0], found[1], kept])
    at_middle, at_end, middle = (np.asarray(v) for v in run(np.ones((1, 2), "float32")))
    np.testing.assert_array_equal(middle, [[4, 6]])
    np.testing.assert_array_equal(at_end, [[3, 3]])
    np.testing.assert_array_equal(at_middle, [[24, 36]])


def test_what_the_loss_does_not_depend_on_has_no_gradient():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))

    def function(tap, x):
        tap(model(x))
        return keras.ops.sum(tap(x)), []

    run = inner_gradients(model, function, lambda found, kept: found)
    (first, _) = run(np.ones((1, 2), "float32"))
    np.testing.assert_array_equal(np.asarray(first), [[0, 0]])


def test_other_backends(monkeypatch):
    monkeypatch.setattr(module, "_BACKENDS", {})
    with pytest.raises(NotImplementedError, match=keras.backend.backend()):
        inner_gradients(None, None, None)
