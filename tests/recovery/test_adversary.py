import numpy as np
import pytest
from keras import ops

from ccm_tf.recovery.adversary import (
    Adversary,
    build_discriminator,
    cross_entropy,
    discriminator_accuracy,
    discriminator_loss,
)

# Vector V3 of the method.
TEACHER, STUDENT = np.array([[2.0], [1.0]], "float32"), np.array([[-1.0], [0.5]], "float32")


def value(tensor):
    return float(ops.convert_to_numpy(tensor))


def test_vector():
    assert value(cross_entropy(TEACHER, True)) == pytest.approx(0.220095, abs=1e-6)
    assert value(cross_entropy(STUDENT, False)) == pytest.approx(0.643669, abs=1e-6)
    assert value(discriminator_loss(TEACHER, STUDENT)) == pytest.approx(0.863764, abs=1e-6)
    assert value(cross_entropy(STUDENT, True)) == pytest.approx(0.893669, abs=1e-6)


def test_at_chance():
    zero = np.zeros((3, 1), "float32")
    assert value(discriminator_loss(zero, zero)) == pytest.approx(1.386294, abs=1e-6)
    assert value(cross_entropy(zero, True)) == pytest.approx(0.693147, abs=1e-6)
    assert value(discriminator_accuracy(TEACHER, STUDENT)) == 0.75


def test_shape_of_the_discriminator():
    model = build_discriminator((10,), Adversary())
    assert [w.shape for w in model.weights if len(w.shape) > 1] == [
        (10, 128),
        (128, 256),
        (256, 128),
        (128, 1),
    ]
    # It is more than one affine map.
    x = np.random.default_rng(0).normal(size=(1, 10)).astype("float32")
    assert value((model(x) + model(-x) - 2 * model(0 * x))[0, 0]) != pytest.approx(0, abs=1e-4)
    assert (
        build_discriminator((None, 5, 4), Adversary(units=(8,)))(np.ones((2, 5, 5, 4))).shape[-1]
        == 1
    )


@pytest.mark.parametrize("options", [{"weight": -1}, {"skip_below": -0.1}])
def test_bad_settings_are_told(options):
    with pytest.raises(ValueError, match="must be >= 0"):
        Adversary(**options)
