import keras
import numpy as np
import pytest

from ccm_tf.distribute import synchronise, synchronised
from tests.zoo import chain


@pytest.mark.tensorflow
def test_there_and_back():
    model = chain()
    copy = synchronised(model)
    norms = [x for x in copy.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert [layer.synchronized for layer in norms] == [True, True]
    back = synchronised(copy, False)
    norms = [x for x in back.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert [layer.synchronized for layer in norms] == [False, False]
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    np.testing.assert_array_equal(back.predict_on_batch(x), model.predict_on_batch(x))
    assert synchronised(back, False) is back


def test_nothing_to_do():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert synchronised(model) is model


def test_in_place():
    model = chain()
    outer = keras.Sequential([keras.Input((8, 8, 3)), model])
    synchronise(outer)
    assert model.get_layer("bn1").synchronized and model.get_layer("bn_hidden").synchronized
    synchronise(outer, False)
    assert not model.get_layer("bn1").synchronized


@pytest.mark.tensorflow
def test_what_is_drawn_afterwards_does_not_change():
    found = []
    for copied in (False, True):
        keras.utils.set_random_seed(0)
        model = chain()
        if copied:
            synchronised(model)
        found.append(keras.layers.Dense(3)(np.ones((1, 4), "float32")))
    np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, found))
