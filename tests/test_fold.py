import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.rewrite import rewrite
from tests import zoo


def difference(model, slim, inputs):
    pairs = zip(zoo.outputs(model, inputs), zoo.outputs(slim, inputs), strict=True)
    return sum(float(np.mean((a - b) ** 2)) for a, b in pairs)


def redundant_chain(use_bias=True, batch_norm=False):
    """A chain in which every second channel is a mixture of the others, up to a constant."""
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, name="conv1")(inputs)
    x = layers.Conv2D(6, 3, use_bias=use_bias, padding="valid", name="conv2")(x)
    if batch_norm:
        x = layers.BatchNormalization(name="bn2")(x)
    x = layers.Flatten(name="flatten")(layers.ReLU(name="relu2")(x))
    model = zoo.randomise(keras.Model(inputs, layers.Dense(3, name="logits")(x)))
    rng = np.random.default_rng(1)
    conv = model.get_layer("conv1")
    kernel, bias = (keras.ops.convert_to_numpy(w).copy() for w in (conv.kernel, conv.bias))
    mix = rng.normal(size=(4, 4))
    kernel[..., 1::2] = kernel[..., ::2] @ mix
    bias[1::2] = bias[::2] @ mix + rng.normal(size=4)
    conv.kernel.assign(kernel)
    conv.bias.assign(bias)
    return model


@pytest.mark.parametrize("use_bias,batch_norm", [(True, False), (True, True), (False, True)])
def test_mixtures_fold_without_loss(use_bias, batch_norm):
    model = redundant_chain(use_bias, batch_norm)
    inputs = zoo.inputs_for(model, batch=32)
    plan = PruningPlan.from_kept(model, {"conv1": [0, 2, 4, 6]})
    fresh = zoo.inputs_for(model, batch=8, seed=1)
    sliced = difference(model, rewrite(model, plan), fresh)
    folded = difference(model, rewrite(model, plan, fold="least_squares", data=inputs), fresh)
    assert folded < 1e-7 * sliced


@pytest.mark.parametrize("make", [zoo.chain, zoo.residual, zoo.concatenation, zoo.sequence])
def test_exact_duplicates_fold_without_loss(make):
    """Every channel that a conv or dense layer makes exists twice; one of each pair goes."""
    model = zoo.randomise(make())
    graph = ChannelGraph(model)
    group = max(graph.groups, key=lambda g: len(g.roots) if len(g.producers) == 1 else 0)
    producer = group.producers[0]
    half = len(producer.roots) // 2
    for variable, axis in producer.weights:
        value = np.moveaxis(keras.ops.convert_to_numpy(variable).copy(), axis, 0)
        value[half : 2 * half] = value[:half]
        variable.assign(np.moveaxis(value, 0, axis))
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            for weight, value in zip(layer.weights, (1.0, 0.0, 0.0, 1.0), strict=True):
                weight.assign(np.full(weight.shape, value, "float32"))
    plan = PruningPlan.from_kept(
        model, {producer.name: [*range(half), *range(2 * half, len(producer.roots))]}
    )
    inputs = zoo.inputs_for(model, batch=32)
    slim = rewrite(model, plan, fold="least_squares", data=inputs)
    scale = difference(model, rewrite(model, plan), inputs)
    assert difference(model, slim, zoo.inputs_for(model, batch=8, seed=1)) < 1e-6 * scale


@pytest.mark.parametrize("make", zoo.MODELS, ids=lambda m: m.__name__)
def test_folding_brings_every_kind_of_model_closer(make):
    model = zoo.randomise(make(), seed=3)
    plan = zoo.random_plan(model, seed=1, share=0.4)
    inputs = zoo.inputs_for(model, batch=64)
    sliced = rewrite(model, plan)
    folded = rewrite(model, plan, fold="least_squares", data=inputs)
    assert [w.shape for w in folded.weights] == [w.shape for w in sliced.weights]
    assert difference(model, folded, inputs) < difference(model, sliced, inputs)


def test_with_nothing_to_drop_nothing_changes():
    model = zoo.randomise(zoo.chain())
    plan = zoo.random_plan(model, share=0.0)
    inputs = zoo.inputs_for(model, batch=32)
    slim = rewrite(model, plan, fold="least_squares", data=inputs)
    assert difference(model, slim, inputs) < 1e-10


def test_the_original_is_untouched():
    model = zoo.randomise(zoo.residual())
    before = [keras.ops.convert_to_numpy(w).copy() for w in model.weights]
    rewrite(model, zoo.random_plan(model), fold="least_squares", data=zoo.inputs_for(model, 16))
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"fold": "magic"}, "one of.*'least_squares'.*'magic'"),
        ({"fold": "least_squares"}, "so it needs data"),
    ],
)
def test_bad_arguments(settings_, message):
    model = zoo.chain()
    with pytest.raises(ValueError, match=message):
        rewrite(model, zoo.random_plan(model), **settings_)


def test_data_of_the_wrong_shape():
    model = zoo.chain()
    plan = PruningPlan.from_kept(model, {"conv1": [0, 1]})
    with pytest.raises(ValueError, match="'chain' takes batches of shape .*Received a batch of"):
        rewrite(model, plan, fold="least_squares", data=np.zeros((4, 5, 5, 3), "float32"))
