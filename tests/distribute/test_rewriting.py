import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf import distribute
from tests import zoo
from tests.workers import Batches, Worker, from_any_number, together


def small():
    """Two kernels that read channels of which some go, with a constant for each."""
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(8, 3, name="conv1")(inputs)
    x = keras.layers.Conv2D(6, 3, use_bias=False, name="conv2")(x)
    x = keras.layers.BatchNormalization(name="bn2")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return zoo.randomise(keras.Model(inputs, keras.layers.Dense(3, name="logits")(x)))


def bits(model):
    return [keras.ops.convert_to_numpy(weight).tobytes() for weight in model.weights]


@pytest.fixture
def model():
    return small()


@pytest.fixture
def plan(model):
    return ccm_tf.PruningPlan.from_kept(model, {"conv1": [0, 2, 3, 5], "conv2": [1, 2, 4]})


@pytest.mark.parametrize("fold", ["least_squares", pytest.param("obs", marks=pytest.mark.slow)])
def test_folded_weights_are_the_same_bits_from_one_two_and_four_workers(fold, model, plan):
    # Eleven batches, the last one smaller.
    x = zoo.inputs_for(model, 43)
    first, *others = from_any_number(
        lambda strategy, data: bits(
            distribute.rewrite(strategy, model, plan, fold=fold, data=data)
        ),
        x,
    )
    assert len(others) == 6 and all(other == first for other in others)
    assert first != bits(ccm_tf.rewrite(model, plan))
    alone = ccm_tf.rewrite(model, plan, fold=fold, data=Batches(x))
    shared = distribute.rewrite(distribute.Strategy(), model, plan, fold=fold, data=Batches(x))
    assert bits(shared) == first
    for one, other in zip(alone.weights, shared.weights, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other), 1e-4, 1e-5
        )


def test_workers_that_round_otherwise_take_the_chiefs_weights(model, plan, monkeypatch):
    made = []

    def rounded(model, plan, **options):
        slim = ccm_tf.rewrite(model, plan)
        made.append(slim)
        bias = slim.get_layer("logits").bias
        bias.assign(bias + 1e-3 * len(made))
        return slim

    monkeypatch.setattr("ccm_tf.distribute.rewriting.rewrite_alone", rounded)
    found = together(2, lambda i, gather: bits(distribute.rewrite(Worker(i, gather), model, plan)))
    assert len(made) == 2 and found[0] == found[1]


def test_another_model_on_one_worker_is_noticed_before_any_work(plan, monkeypatch):
    monkeypatch.delattr("ccm_tf.distribute.rewriting.rewrite_alone")
    models = [small(), small()]
    bias = models[1].get_layer("logits").bias
    bias.assign(bias + 1)

    def work(index, gather):
        with pytest.raises(RuntimeError, match=r"Worker\(s\) 1 hold another model"):
            distribute.rewrite(Worker(index, gather), models[index], plan)

    together(2, work)


def test_another_plan_on_one_worker(model, plan):
    plans = [plan, ccm_tf.PruningPlan.from_kept(model, {"conv1": [0, 2, 3]})]

    def work(index, gather):
        with pytest.raises(RuntimeError, match=r"Worker\(s\) 1 hold another model"):
            distribute.rewrite(Worker(index, gather), model, plans[index])

    together(2, work)


def test_folding_lacks_data(model, plan):
    with pytest.raises(ValueError, match="so it needs data"):
        distribute.rewrite(distribute.Strategy(), model, plan, fold="least_squares")
