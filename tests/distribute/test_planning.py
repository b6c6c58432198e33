import keras
import pytest

import ccm_tf
from ccm_tf import distribute
from tests import zoo
from tests.workers import Batches, from_any_number


def small():
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(3, activation="softmax", name="classes")(x)
    return zoo.randomise(keras.Model(inputs, x))


@pytest.mark.parametrize("rescale", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_eigen_plans_are_the_same_bits_from_one_two_and_four_workers(rescale):
    model = small()
    options = {"ratio": 0.4, "rescale": rescale}
    x = zoo.inputs_for(model, 43)
    first, *others = from_any_number(
        lambda strategy, data: distribute.eigen_plan(strategy, model, data, **options).as_bytes(),
        x,
    )
    assert len(others) == 6 and all(other == first for other in others)
    made = ccm_tf.EigenPlan.from_bytes(first)
    assert str(made) == str(ccm_tf.kfe.plan(model, Batches(x), **options))


def test_factors_that_were_gathered_before():
    model = small()
    factors = ccm_tf.kronecker_factors(model, zoo.inputs_for(model, 8))
    made = distribute.eigen_plan(distribute.Strategy(), model, factors, ratio=0.4)
    assert str(made) == str(ccm_tf.kfe.plan(model, factors, ratio=0.4))


def test_the_chiefs_plan_goes_to_all():
    model = small()
    chief, other = from_any_number(
        lambda strategy, data: distribute.plan(strategy, model, "pca", data, channels=0.5),
        zoo.inputs_for(model, 12),
        (2,),
    )
    assert chief.rankings and not other.rankings and chief.as_dict() == other.as_dict()
