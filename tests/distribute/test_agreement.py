import keras
import pytest

from ccm_tf.distribute import check_same_model, model_hash
from tests.workers import Worker, together
from tests.zoo import chain


def test_every_bit_of_a_weight_counts():
    model = chain()
    before = model_hash(model)
    assert before == model_hash(model) and len(before) == 64
    bias = model.get_layer("conv1").bias
    bias.assign(bias + 1e-30)
    assert model_hash(model) != before


def test_settings_count():
    model = chain()
    before = model_hash(model)
    model.get_layer("relu1").negative_slope = 0.1
    assert model_hash(model) != before


def test_the_same_model_everywhere():
    model = chain()
    hashes = together(2, lambda i, gather: check_same_model(model, Worker(i, gather)))
    assert hashes == [model_hash(model)] * 2


def test_another_model_on_one_worker():
    models = [chain(), chain()]

    def work(index, gather):
        with pytest.raises(RuntimeError, match=r"Worker\(s\) 1 hold another model 'chain'"):
            check_same_model(models[index], Worker(index, gather))

    together(2, work)


def test_subclassed_models_have_a_hash_too():
    class Wrapped(keras.Model):
        def __init__(self, inner, factor):
            super().__init__()
            self.inner = inner

        def call(self, x):
            return self.inner(x)

    model = Wrapped(chain(), object())
    before = model_hash(model)
    assert before == model_hash(model)
    model.inner.get_layer("conv1").bias.assign([1.0] * 6)
    assert model_hash(model) != before
