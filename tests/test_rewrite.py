import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.graph import ChannelGraph
from ccm_tf.mask import mask
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.rewrite import rewrite
from tests import zoo

each_model = pytest.mark.parametrize("make", zoo.MODELS, ids=lambda m: m.__name__)


@each_model
@pytest.mark.parametrize("seed", range(3))
def test_slim_equals_masked(make, seed):
    model = zoo.randomise(make())
    plan = zoo.random_plan(model, seed)
    inputs = zoo.inputs_for(model)
    masked = zoo.outputs(mask(model, plan), inputs)
    slim_model = rewrite(model, plan)
    slim = zoo.outputs(slim_model, inputs)
    assert slim_model.count_params() < model.count_params()
    for a, b in zip(masked, slim, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(a).max()))


@each_model
def test_nothing_to_drop_is_bit_identical(make):
    model = zoo.randomise(make())
    copy = rewrite(model, zoo.random_plan(model, share=0.0))
    inputs = zoo.inputs_for(model)
    for a, b in zip(zoo.outputs(model, inputs), zoo.outputs(copy, inputs), strict=True):
        np.testing.assert_array_equal(a, b)
    assert set(ChannelGraph(copy).trace.ops) == set(ChannelGraph(model).trace.ops)


@each_model
def test_the_original_is_untouched(make):
    model = zoo.randomise(make())
    before = [keras.ops.convert_to_numpy(w).copy() for w in model.weights]
    nodes = [len(op._inbound_nodes) for op in model.layers]
    slim = rewrite(model, zoo.random_plan(model))
    for weight in slim.weights:
        weight.assign(weight * 0)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(weight), value)
    assert nodes == [len(op._inbound_nodes) for op in model.layers]


@each_model
def test_slim_models_are_plain_and_save(make, tmp_path):
    model = zoo.randomise(make())
    slim = rewrite(model, zoo.random_plan(model))
    path = tmp_path / "slim.keras"
    slim.save(path)
    loaded = keras.saving.load_model(path)
    inputs = zoo.inputs_for(model)
    for a, b in zip(zoo.outputs(slim, inputs), zoo.outputs(loaded, inputs), strict=True):
        np.testing.assert_array_equal(a, b)
    assert type(slim) is type(keras.Model(slim.inputs, slim.outputs))


@each_model
def test_counts_of_a_plan_are_those_of_the_slim_model(make):
    model = make()
    plan = zoo.random_plan(model)
    slim = rewrite(model, plan)
    assert plan.counts["kept"]["params"] == slim.count_params()
    assert plan.counts["kept"]["macs"] == ChannelGraph(slim).macs()


@each_model
def test_slim_models_train(make):
    model = zoo.randomise(make())
    slim = rewrite(model, zoo.random_plan(model))
    slim.compile(keras.optimizers.SGD(1e-3), "mse", jit_compile=False)
    inputs = zoo.inputs_for(model)
    targets = keras.tree.map_structure(np.zeros_like, slim(inputs, training=False))
    targets = keras.tree.map_structure(keras.ops.convert_to_numpy, targets)
    history = slim.fit(inputs, targets, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_compiled_state_is_not_carried():
    model = zoo.chain()
    model.compile("adam", "mse")
    assert not rewrite(model, zoo.random_plan(model)).compiled


def test_settings_of_layers_are_carried():
    inputs = keras.Input((8, 8, 3))
    regularizer = keras.regularizers.L2(0.1)
    conv = layers.Conv2D(4, 3, kernel_regularizer=regularizer, trainable=False, name="conv")
    model = keras.Model(
        inputs, layers.Conv2D(2, 1, name="out", dtype="mixed_float16")(conv(inputs))
    )
    slim = rewrite(model, PruningPlan.from_kept(model, {"conv": [0, 3]}))
    assert slim.get_layer("conv").kernel_regularizer.get_config() == regularizer.get_config()
    assert not slim.get_layer("conv").trainable
    assert slim.get_layer("out").compute_dtype == "float16"


def test_python_lambdas_are_reused():
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    x = layers.Conv2D(4, 3, name="conv2")(x)
    x = layers.Lambda(lambda t: t * 2.0, name="twice")(x)
    model = zoo.randomise(keras.Model(inputs, layers.Conv2D(2, 1, name="out")(x)))
    plan = PruningPlan.from_kept(model, {"conv": [1, 2]})
    x = zoo.inputs_for(model)
    (a,), (b,) = zoo.outputs(mask(model, plan), x), zoo.outputs(rewrite(model, plan), x)
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_statistics_of_the_inputs_are_carried():
    """Normalization computes with constants, which assigning its weights does not set."""
    inputs = keras.Input((3,))
    normalization = layers.Normalization(name="normalization")
    data = np.random.default_rng(0).normal(5.0, 3.0, (50, 3)).astype("float32")
    normalization.adapt(data)
    x = layers.Dense(4, name="hidden")(normalization(inputs))
    model = keras.Model(inputs, layers.Dense(2, name="logits")(x))
    (dense,) = zoo.outputs(model, data)
    (same,) = zoo.outputs(rewrite(model, zoo.random_plan(model, share=0.0)), data)
    np.testing.assert_array_equal(dense, same)


@pytest.mark.tensorflow
def test_vocabularies_are_carried():
    inputs = keras.Input((3,), dtype="int64")
    lookup = layers.IntegerLookup(name="lookup")
    lookup.adapt(np.array([[7, 11, 13], [11, 17, 7]]))
    x = layers.Embedding(8, 4, name="embedding")(lookup(inputs))
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    model = keras.Model(inputs, layers.Dense(2, name="logits")(x))
    slim = rewrite(model, zoo.random_plan(model, share=0.0))
    data = np.array([[7, 17, 3], [13, 11, 11]])
    for a, b in zip(zoo.outputs(model, data), zoo.outputs(slim, data), strict=True):
        np.testing.assert_array_equal(a, b)


def test_plan_of_another_model_is_refused():
    plan = zoo.random_plan(zoo.residual())
    with pytest.raises(ValueError, match="made for another model.*Make a plan for this model"):
        rewrite(zoo.chain(), plan)


@pytest.mark.tensorflow
def test_a_slim_model_lives_in_the_scope_of_its_model(two_replicas):
    with two_replicas.scope():
        model = zoo.chain()
    slim = rewrite(model, zoo.random_plan(model))
    assert slim.distribute_strategy is two_replicas
