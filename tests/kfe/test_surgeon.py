import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.kfe.surgeon import compensated, damped, inverse_diagonal
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.rewrite import rewrite
from tests import zoo
from tests.kfe import examples


def test_hand_checked_compensation():
    kept = np.array([False, True])
    first = compensated(examples.FIRST, kept, examples.S, damping=0)
    np.testing.assert_allclose(first, [[0.8, 0]], rtol=1e-14)
    second = compensated(examples.SECOND, kept, examples.S, damping=0)
    np.testing.assert_allclose(second, [[3.8, 0.6]], rtol=1e-14)
    np.testing.assert_allclose(inverse_diagonal(examples.S, 0), [5 / 9, 5 / 9], rtol=1e-14)


def case():
    rng = np.random.default_rng(3)
    a, s = (m @ m.T for m in (rng.normal(size=(4, 6)), rng.normal(size=(5, 7))))
    return rng.normal(size=(5, 4)), a, s, np.array([True, False, True, False, True])


def cost(change, a, s):
    return np.trace(change.T @ s @ change @ a) / 2


def test_the_joint_solution_is_the_best_one():
    rows, a, s, kept = case()
    change = -rows.copy()
    change[kept] = compensated(rows, kept, s, damping=0) - rows[kept]
    best = cost(change, a, s)
    inverse = np.linalg.inv(s)
    lost = rows[~kept]
    formula = np.trace(lost.T @ np.linalg.inv(inverse[np.ix_(~kept, ~kept)]) @ lost @ a) / 2
    assert best == pytest.approx(formula, rel=1e-12)
    rng = np.random.default_rng(0)
    for _ in range(20):
        other = change.copy()
        other[kept] += 0.1 * rng.normal(size=(3, 4))
        assert cost(other, a, s) > best
    singles = -rows.copy()
    parts = sum(np.outer(inverse[:, i], rows[i]) / inverse[i, i] for i in np.flatnonzero(~kept))
    singles[kept] = -parts[kept]
    assert best < cost(singles, a, s)


def test_damping():
    np.testing.assert_allclose(damped(np.diag([1.0, 3.0]), 0.1), np.diag([1.2, 3.2]))
    np.testing.assert_array_equal(damped(np.zeros((2, 2)), 0.1), np.eye(2))


def test_fold_obs_in_a_model():
    model = zoo.randomise(zoo.chain())
    x = zoo.inputs_for(model, 40)
    plan = PruningPlan.from_kept(model, {"conv1": [0, 2, 3], "conv2": [1, 2, 5, 6]})
    slim, plain = rewrite(model, plan, fold="obs", data=x), rewrite(model, plan)
    assert slim.count_params() == plain.count_params()
    for name, changes in (("conv1", True), ("conv2", True), ("hidden", False)):
        a, b = (keras.ops.convert_to_numpy(m.get_layer(name).kernel) for m in (slim, plain))
        assert a.shape == b.shape and np.allclose(a, b) != changes


def test_twins_take_over_exactly():
    """Two outputs that the loss sees as one: what one did, the other does."""
    inputs = keras.Input((3,))
    x = layers.Dense(3, name="twins")(inputs)
    model = zoo.randomise(keras.Model(inputs, layers.Dense(4, name="logits")(x)))
    logits = model.get_layer("logits")
    kernel = keras.ops.convert_to_numpy(logits.kernel).copy()
    kernel[1] = kernel[0]
    logits.kernel.assign(kernel)
    data = zoo.inputs_for(model, 500)
    plan = PruningPlan.from_kept(model, {"twins": [0, 2]})
    slim = rewrite(model, plan, fold="obs", data=data)
    plain = rewrite(model, plan)
    expected = np.asarray(model(data))
    errors = [np.abs(np.asarray(m(data)) - expected).mean() for m in (slim, plain)]
    assert errors[0] < 0.02 * errors[1]


def test_nothing_to_compensate():
    model = zoo.randomise(zoo.chain())
    plan = zoo.random_plan(model, share=0.0)
    x = zoo.inputs_for(model)
    np.testing.assert_array_equal(
        np.asarray(rewrite(model, plan, fold="obs", data=x)(x)), np.asarray(model(x))
    )
    with pytest.raises(ValueError, match="needs data"):
        rewrite(model, plan, fold="obs")
