import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf import distribute
from tests import zoo
from tests.workers import Worker, from_any_number, together


def small():
    inputs = keras.Input((6, 6, 3), name="images")
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.BatchNormalization(name="bn1")(x)
    x = keras.layers.BatchNormalization(name="bn2")(keras.layers.ReLU(name="relu")(x))
    return zoo.randomise(keras.Model(inputs, x, name="small"))


def moving(model):
    return [keras.ops.convert_to_numpy(w) for w in model.weights if "moving_" in w.path]


def test_statistics_are_the_same_bits_from_one_two_and_four_workers():
    before = small().get_weights()
    x = zoo.inputs_for(small(), 43)

    def work(strategy, data):
        model = small()
        model.set_weights(before)
        assert distribute.recalibrate(strategy, model, data) is model
        return [value.tobytes() for value in moving(model)]

    first, *others = from_any_number(work, x)
    assert len(others) == 6 and all(other == first for other in others)
    alone = small()
    alone.set_weights(before)
    ccm_tf.recalibrate(alone, x, batch_size=4)
    for value, found in zip(moving(alone), first, strict=True):
        np.testing.assert_allclose(np.frombuffer(found, value.dtype), value, 1e-5, 1e-6)
    assert not np.allclose(moving(alone)[0], before[4])


def test_another_model_on_one_worker_changes_nothing():
    models = [small(), small()]
    kernel = models[1].get_layer("conv").kernel
    kernel.assign(kernel + 1)
    before = [moving(model) for model in models]

    def work(index, gather):
        with pytest.raises(RuntimeError, match=r"Worker\(s\) 1 hold another model 'small'"):
            distribute.recalibrate(Worker(index, gather), models[index], np.zeros((8, 6, 6, 3)))

    together(2, work)
    for model, values in zip(models, before, strict=True):
        np.testing.assert_array_equal(moving(model), values)


def test_no_data():
    with pytest.raises(ValueError, match="Data is needed"):
        distribute.recalibrate(distribute.Strategy(), small(), None)
