import sys

import keras
import numpy as np
import pytest

from ccm_tf.criteria import criteria
from ccm_tf.mask import mask
from ccm_tf.plan import plan
from ccm_tf.rewrite import rewrite
from tests import zoo


# Some say which channels they cannot rank, or how they rank them instead.
@pytest.mark.filterwarnings("ignore:No batch normalisation:UserWarning")
@pytest.mark.parametrize("name", criteria())
@pytest.mark.parametrize("make", [zoo.chain, zoo.residual, zoo.padded_shortcut, zoo.squeeze_excite])
def test_every_criterion_meets_a_budget_on_every_kind_of_graph(name, make):
    model = zoo.randomise(make())
    inputs = zoo.inputs_for(model, batch=8)
    made = plan(model, name, (inputs, zoo.labels_for(model, batch=8)), macs=0.6)
    assert made.counts["kept"]["macs"] <= 0.6 * made.counts["dense"]["macs"]
    assert made.criterion["name"] == name
    assert made.target == {"macs": 0.6}
    slim, masked = rewrite(model, made), mask(model, made)
    for a, b in zip(zoo.outputs(masked, inputs), zoo.outputs(slim, inputs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(a).max()))


@pytest.mark.filterwarnings("ignore:No batch normalisation:UserWarning")
@pytest.mark.parametrize("name", criteria())
def test_energy_gives_every_layer_its_own_width(name):
    model = zoo.randomise(zoo.chain())
    data = zoo.inputs_for(model, batch=8), zoo.labels_for(model, batch=8)
    # There it is one less a threshold on the scores themselves.
    made = plan(model, name, data, energy=0.2 if name == "feature_map" else 0.6)
    assert list(made.kept) == ["conv1", "conv2", "hidden", "logits"]
    assert made.kept["logits"] == [0, 1, 2, 3]
    assert all(1 <= len(made.kept[n]) < w for n, w in (("conv1", 6), ("conv2", 8), ("hidden", 5)))
    more = plan(model, name, data, energy=0.9)
    assert all(set(made.kept[n]) <= set(more.kept[n]) for n in made.kept)


@pytest.mark.parametrize("kind", ["channels", "macs", "params", "bytes"])
def test_every_target_is_met(kind):
    made = plan(zoo.randomise(zoo.chain()), "magnitude", **{kind: 0.6})
    assert made.target == {kind: 0.6}
    assert made.counts["kept"][kind] <= 0.6 * made.counts["dense"][kind]


def test_data_of_the_wrong_shape():
    with pytest.raises(ValueError, match=r"'chain' takes batches of shape .*Received a batch"):
        plan(zoo.chain(), "pca", np.zeros((64, 5, 5, 1), "float32"), macs=0.5)


@pytest.mark.parametrize("name", [n for n, c in criteria().items() if c.needs_labels])
def test_labels_that_are_missing(name):
    model = zoo.chain()
    with pytest.raises(ValueError, match="Labels are needed here: pass `.x, y.`"):
        plan(model, name, zoo.inputs_for(model, batch=4), macs=0.5)


def test_a_subclassed_model_a_quantised_and_one_with_lora():
    class Subclassed(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ValueError, match="is subclassed.*Build it with the functional API"):
        plan(Subclassed(), "random", macs=0.5)
    lora, quantised = zoo.chain(), zoo.chain()
    lora.get_layer("hidden").enable_lora(2)
    with pytest.raises(ValueError, match="'hidden' has LoRA enabled. Merge it first"):
        plan(lora, "random", macs=0.5)
    quantised.get_layer("hidden").quantize("int8")
    with pytest.raises(ValueError, match="'hidden' is quantised .int8.. Prune the float model"):
        plan(quantised, "random", macs=0.5)


def test_tied_layers_keep_the_same_channels():
    model = zoo.randomise(zoo.residual())
    made = plan(model, "magnitude", channels=0.5)
    assert made.kept["stem"] == made.kept["b1_conv2"] == made.kept["b2_conv2"]


def test_unknown_criterion_lists_the_known():
    with pytest.raises(ValueError, match=", ".join(map(repr, criteria()))):
        plan(zoo.chain(), "l7", macs=0.5)


def test_a_model_without_free_channels():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(inputs))
    with pytest.raises(ValueError, match="no channel that could be removed: is an output"):
        plan(model, "random", channels=0.5)


ESTIMATES = ("taylor", "fisher", "obd", "obs", "kron_obd", "kron_obs")


@pytest.mark.filterwarnings("ignore:No batch normalisation:UserWarning")
@pytest.mark.parametrize("name", criteria())
@pytest.mark.parametrize("asked", [None, "local"])
def test_what_estimates_the_loss_compares_layers_by_their_mean(name, asked, monkeypatch):
    seen = []
    module = sys.modules[plan.__module__]
    select = module.select
    monkeypatch.setattr(module, "select", lambda *a: seen.append(a[-1]) or select(*a))
    model = zoo.chain()
    data = zoo.inputs_for(model, batch=8), zoo.labels_for(model, batch=8)
    plan(model, name, data, macs=0.6, scope=asked)
    assert seen == [asked or ("relative" if name in ESTIMATES else "global")]


def test_a_normalization_that_is_asked_for_is_left_alone():
    assert criteria()["taylor"]().scope == "relative"
    assert criteria()["taylor"](normalization="max").scope == "global"
    assert criteria()["magnitude"]().scope == "global"
