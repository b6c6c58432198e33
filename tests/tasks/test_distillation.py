import keras
import numpy as np
import pytest

from tasks.distillation import Distilled, taught


def softened(logits, temperature):
    exponentials = np.exp(logits / temperature)
    return exponentials / exponentials.sum(-1, keepdims=True)


def test_the_loss_is_hintons():
    student, teacher = np.array([[1.0, 0.0, -1.0]]), np.array([[2.0, 0.5, -3.0]])
    layer = Distilled(temperature=4.0, weight=0.25)
    np.testing.assert_array_equal(layer([student, teacher]), student)
    p, q = softened(teacher, 4), softened(student, 4)
    expected = 0.25 * 16 * np.sum(p * np.log(p / q))
    assert float(layer.losses[0]) == pytest.approx(expected, rel=1e-4)


def test_round_trip():
    layer = Distilled.from_config(Distilled(5.0, 0.1, name="d").get_config())
    assert (layer.temperature, layer.weight, layer.name) == (5.0, 0.1, "d")


def test_only_the_student_learns():
    def net(name):
        inputs = keras.Input((4,))
        return keras.Model(inputs, keras.layers.Dense(3)(inputs), name=name)

    student, teacher = net("student"), net("teacher")
    before = [model.get_weights() for model in (student, teacher)]
    model = taught(student, teacher)
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        loss_weights=[0.0],
    )
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    first = model.train_on_batch(x, np.zeros(8))
    for _ in range(20):
        last = model.train_on_batch(x, np.zeros(8))
    assert last < first
    assert not np.allclose(student.get_weights()[0], before[0][0])
    np.testing.assert_array_equal(teacher.get_weights()[0], before[1][0])
