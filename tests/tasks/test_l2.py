import keras
import numpy as np
import pytest

from tasks.l2 import with_l2
from tasks.models import resnet, vgg16


def tiny(network):
    return vgg16(3, width=0.05) if network == "vgg16" else resnet(8, 3, width=0.25)


@pytest.mark.parametrize("network", ["vgg16", "resnet8"])
def test_every_trainable_weight_is_penalised(network):
    model = tiny(network)
    penalised = with_l2(model, 0.0025)
    expected = 0.0025 * sum(np.sum(np.square(v.numpy())) for v in model.trainable_variables)
    assert len(penalised.losses) == len(model.trainable_variables)
    np.testing.assert_allclose(float(sum(penalised.losses)), expected, rtol=1e-5)


@pytest.mark.parametrize("network", ["vgg16", "resnet8"])
def test_same_outputs_and_the_original_untouched(network):
    model = tiny(network)
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    before = model.predict(x, verbose=0)
    np.testing.assert_array_equal(with_l2(model, 0.1).predict(x, verbose=0), before)
    assert not model.losses


def test_replaces_and_removes_penalties():
    model = with_l2(tiny("resnet8"), 0.1)
    twice = with_l2(model, 0.2)
    np.testing.assert_allclose(float(sum(twice.losses)), 2 * float(sum(model.losses)), rtol=1e-5)
    assert not with_l2(model, 0).losses


def test_gradient_is_pytorchs_weight_decay():
    # One step of SGD at rate 1 on a constant loss takes weight_decay * w off every weight.
    model = with_l2(tiny("resnet8"), 0.005 / 2)
    before = [v.numpy() for v in model.trainable_variables]
    model.compile(keras.optimizers.SGD(1.0), lambda y_true, y_pred: 0.0 * keras.ops.sum(y_pred))
    model.train_on_batch(np.zeros((4, 32, 32, 3), "float32"), np.zeros((4, 3), "float32"))
    for old, new in zip(before, model.trainable_variables, strict=True):
        np.testing.assert_allclose(new.numpy(), (1 - 0.005) * old, atol=1e-7)
