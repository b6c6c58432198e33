import keras
import numpy as np
import pytest
from keras import ops

from ccm_tf.graph.trace import Trace
from ccm_tf.recovery.logits import logits_distillation, output_kinds, to_logits

# Vector V2 of the method.
TEACHER, STUDENT = np.array([[2.0, 1, 0]], "float32"), np.array([[1.0, 2, 0]], "float32")


def value(tensor):
    return float(ops.convert_to_numpy(tensor))


@pytest.mark.parametrize("temperature, loss", [(1, 0.420512), (4, 0.370932), (20, 0.341523)])
def test_vector(temperature, loss):
    assert value(logits_distillation(TEACHER, STUDENT, temperature)) == pytest.approx(
        loss, abs=2e-6
    )


def test_total_of_the_vector():
    kl = value(logits_distillation(TEACHER, STUDENT, 20.0))
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ce = value(entropy(np.array([0]), STUDENT))
    assert ce == pytest.approx(1.407606, abs=1e-6)
    assert 0.3 * kl + 0.7 * ce == pytest.approx(1.087781, abs=2e-6)
    assert 0.5 * kl + 0.5 * ce == pytest.approx(0.874564, abs=2e-6)


def test_gradient_by_differences():
    step, slopes = 0.1, []
    for place in range(3):
        shift = np.eye(3, dtype="float32")[place] * step
        up, down = (logits_distillation(TEACHER, STUDENT + s, 20.0) for s in (shift, -shift))
        slopes.append((value(up) - value(down)) / (2 * step))
    np.testing.assert_allclose(slopes, [-0.341523, 0.341523, 0], atol=5e-3)


def test_shifts_change_nothing_and_equality_is_zero():
    shifted = logits_distillation(TEACHER + 5, STUDENT - 3, 4.0)
    assert value(shifted) == pytest.approx(0.370932, abs=2e-6)
    assert value(logits_distillation(TEACHER, TEACHER + 1)) == pytest.approx(0, abs=1e-6)


def test_mse_and_one_class():
    assert value(logits_distillation(TEACHER, STUDENT, measure="mse")) == pytest.approx(2 / 3)
    t, s = np.array([[1.5]], "float32"), np.array([[-0.5]], "float32")
    p, q = 1 / (1 + np.exp(-1.5)), 1 / (1 + np.exp(0.5))
    expected = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    assert value(logits_distillation(t, s, 1.0)) == pytest.approx(expected, rel=1e-5)


def test_positions_are_averaged():
    maps = np.stack([TEACHER, TEACHER], axis=1), np.stack([STUDENT, TEACHER], axis=1)
    assert value(logits_distillation(*maps, 4.0)) == pytest.approx(0.370932 / 2, abs=2e-6)


@pytest.mark.parametrize(
    "ending, kind",
    [
        (lambda x: keras.layers.Dense(3)(x), "logits"),
        (lambda x: keras.layers.Dense(3, activation="softmax")(x), "softmax"),
        (lambda x: keras.layers.Softmax()(keras.layers.Dense(3)(x)), "softmax"),
        (lambda x: keras.layers.Dense(3, activation="sigmoid")(x), "sigmoid"),
        (lambda x: ops.softmax(keras.layers.Dense(3)(x)), "softmax"),
        (lambda x: keras.layers.Dense(3, activation="relu")(x), "logits"),
    ],
)
def test_logits_behind_the_last_layer(ending, kind):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, ending(inputs))
    assert output_kinds(Trace(model)) == [kind]


def test_probabilities_become_logits_again():
    logits = np.array([[3.0, -2, 0.5]], "float32")
    back = ops.convert_to_numpy(to_logits(ops.softmax(logits), "softmax"))
    np.testing.assert_allclose(back - back.max(), logits - logits.max(), atol=1e-5)
    back = ops.convert_to_numpy(to_logits(ops.sigmoid(logits), "sigmoid"))
    np.testing.assert_allclose(back, logits, atol=1e-5)
    extreme = ops.convert_to_numpy(to_logits(np.array([[0.0, 1.0]], "float32"), "softmax"))
    assert np.all(np.isfinite(extreme))
