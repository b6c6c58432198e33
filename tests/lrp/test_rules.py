import keras
import numpy as np
import pytest
from keras import layers, ops

from ccm_tf.graph import Trace
from ccm_tf.lrp.rules import rule_for
from ccm_tf.lrp.settings import Settings
from ccm_tf.statistics.gradients import gradient


def handed_back(make, inputs, relevance, reference=False, signed=False, weights=None):
    """Relevance that one layer hands to each of its inputs, one sample."""
    tensors = [keras.Input(np.shape(x)) for x in inputs]
    layer = make()
    model = keras.Model(tensors, layer(tensors if len(tensors) > 1 else tensors[0]))
    if weights is not None:
        layer.set_weights(weights)
    (call,) = Trace(model).calls
    values = [np.asarray(x, "float32")[None] for x in inputs]
    given = np.asarray(relevance, "float32")[None]

    def function(carriers, *values):
        outputs = [call.op(*([list(values)] if len(values) > 1 else values))]
        settings = Settings(reference=reference)
        made = rule_for(call)(call, list(values), carriers, outputs, signed, settings)
        return ops.sum(made[0] * given)

    points = [np.zeros_like(value) for value in values]
    found = gradient(model, function)(points, *values)
    found = [ops.convert_to_numpy(one)[0] for one in found]
    return found if len(found) > 1 else found[0]


T1 = [np.array([[1, -1, 0.5], [-0.5, 1, -1]]).T, np.array([7.0, -3.0])]


@pytest.mark.parametrize(
    "relevance, expected",
    [([1, 0], [0.8, -1.0, 1.2]), ([0, 1], [-0.142857, 2.0, -0.857143])],
)
def test_t1_dense(relevance, expected):
    for signed in (False, True):
        for reference in (False, True):
            found = handed_back(
                lambda: layers.Dense(2), [[1, 2, 3]], relevance, reference, signed, T1
            )
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_t2_dense_without_anything_against():
    weights = [np.array([[1], [2], [0.5]]), np.zeros(1)]
    reference = [0.307692, 1.230769, 0.461538]
    arguments = (lambda: layers.Dense(1), [[1, 2, 3]], [1])
    found = handed_back(*arguments, reference=True, weights=weights)
    np.testing.assert_allclose(found, reference, atol=1e-6)
    found = handed_back(*arguments, weights=weights)
    np.testing.assert_allclose(found, np.array(reference) / 2, atol=1e-6)
    # With nothing but votes against, these get it all.
    found = handed_back(*arguments, weights=[-weights[0], weights[1]])
    np.testing.assert_allclose(found, np.array(reference) / 2, atol=1e-6)


def test_t3_convolution():
    kernel = np.stack([[[1, -1], [0.5, 2]], [[-1, 0.5], [1, -0.5]]], axis=-1)[:, :, None]
    x = np.array([[1, 0, 2], [3, 1, 0], [0, 2, 1]])[..., None]
    relevance = np.stack([[[0.1, 0.2], [0.3, 0.4]], [[0, 0.5], [0.25, 0.25]]], axis=-1)

    def convolution():
        return layers.Conv2D(2, 2)

    weights = [kernel, np.zeros(2)]
    found = handed_back(convolution, [x], relevance, weights=weights)[..., 0]
    expected = [[0.022222, 0, 0.05], [0.102976, 0.827778, 0], [0, 0.880357, 0.116667]]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.sum(), 2.0, rtol=1e-6)
    found = handed_back(convolution, [x], relevance, reference=True, weights=weights)
    np.testing.assert_allclose(found.sum(), 1.591667, atol=1e-5)


def test_t4_max_pooling():
    x = np.array([[1, 3], [0, 2]])[..., None]
    found = handed_back(lambda: layers.MaxPooling2D(2), [x], [[[5]]])
    np.testing.assert_allclose(found[..., 0], [[0, 5], [0, 0]], atol=1e-6)


@pytest.mark.parametrize(
    "make, relevance",
    [(lambda: layers.AveragePooling2D(2), [[[1]]]), (layers.GlobalAveragePooling2D, [1])],
)
def test_t5_average_pooling(make, relevance):
    x = np.array([[1, 3], [0, 4]])[..., None]
    found = handed_back(make, [x], relevance)
    np.testing.assert_allclose(found[..., 0], [[0.125, 0.375], [0, 0.5]], atol=1e-6)
    found = handed_back(make, [x], relevance, reference=True)
    np.testing.assert_allclose(found[..., 0], [[0.5, 1.5], [0, 2]], atol=1e-6)


def test_t6_sum():
    found = handed_back(layers.Add, [[2, -1, 0.5], [1, 3, 0.5]], [3, 4, 2])
    np.testing.assert_allclose(found, [[2, -2, 1], [1, 6, 1]], atol=1e-6)


@pytest.mark.parametrize("merge", [layers.Multiply, layers.Average, layers.Maximum])
def test_merges_conserve_relevance(merge):
    found = handed_back(merge, [[2, 1, 0.5], [1, 3, 0.7]], [3, 4, 2])
    np.testing.assert_allclose(np.sum(found, axis=0), [3, 4, 2], atol=1e-5)


def test_concatenation_hands_back_each_part():
    found = handed_back(layers.Concatenate, [[2.0], [1.0, 3.0]], [5, 6, 7])
    assert [list(part) for part in found] == [[5], [6, 7]]


LAYERS = {
    "same and strided": (lambda: layers.Conv2D(4, 3, strides=2, padding="same"), (7, 6, 2)),
    "dilated": (lambda: layers.Conv2D(4, 3, dilation_rate=2, padding="same"), (7, 6, 2)),
    "grouped": (lambda: layers.Conv2D(4, 3, groups=2), (5, 5, 2)),
    "depthwise": (lambda: layers.DepthwiseConv2D(3, depth_multiplier=2), (5, 5, 2)),
    "separable": (lambda: layers.SeparableConv2D(4, 3), (5, 5, 2)),
    "transposed": (lambda: layers.Conv2DTranspose(4, 3, strides=2), (4, 4, 2)),
    "causal": (lambda: layers.Conv1D(4, 3, padding="causal"), (6, 2)),
    "volume": (lambda: layers.Conv3D(3, 2), (3, 3, 3, 2)),
    "dense": (lambda: layers.Dense(5), (4, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("signed", [False, True])
def test_i1_layers_conserve_relevance(name, signed):
    make, shape = LAYERS[name]
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape) if signed else rng.uniform(0.1, 1, size=shape)
    outputs = make()(np.zeros((1, *shape), "float32")).shape[1:]
    relevance = rng.uniform(size=outputs)
    found = handed_back(make, [x], relevance, signed=signed)
    np.testing.assert_allclose(found.sum(), relevance.sum(), rtol=1e-4)


def test_i3_no_relevance_where_nothing_is_and_scale_does_not_matter():
    rng = np.random.default_rng(1)
    x = np.maximum(rng.normal(size=(4, 4, 3)), 0)
    kernel, bias = rng.normal(size=(3, 3, 3, 2)), np.zeros(2)
    relevance = rng.uniform(size=(2, 2, 2))
    make = (lambda: layers.Conv2D(2, 3), [x], relevance)
    found = handed_back(*make, weights=[kernel, bias])
    assert np.all(found[x == 0] == 0)
    again = handed_back(*make, weights=[7 * kernel, bias])
    np.testing.assert_allclose(again, found, rtol=1e-4, atol=1e-6)
