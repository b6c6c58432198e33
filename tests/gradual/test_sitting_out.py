import keras
import numpy as np
import pytest

from ccm_tf.gradual.sitting_out import SittingOut, reading_slices
from ccm_tf.graph import ChannelGraph
from tests import zoo


@pytest.fixture(scope="module")
def model():
    return zoo.randomise(zoo.residual())


def roots_of(graph, name):
    return next(p.roots for p in graph.producers if p.name == name)


def test_what_sits_out_is_read_by_nobody_and_comes_back(model):
    graph = ChannelGraph(model)
    before = model.get_weights()
    roots = roots_of(graph, "stem")
    out = np.zeros(len(graph.labels_to_roots), bool)
    out[roots[0]] = True
    sitting = SittingOut(graph)
    sitting.begin(out)
    changed = {
        variable.path
        for variable, value in zip(model.weights, before, strict=True)
        if not np.array_equal(keras.ops.convert_to_numpy(variable), value)
    }
    readers = {v.path for v, _, found in reading_slices(graph) if np.isin(roots[0], found)}
    assert changed == readers and len(readers) > 1
    # Who makes the channel does not feel it.
    assert not any(path.startswith("stem") for path in changed)
    # Its own values do not matter to anybody now.
    x = np.random.default_rng(0).normal(size=(2, *model.input_shape[1:])).astype("float32")
    masked = model(x)
    kernel = model.get_layer("stem").kernel
    value = np.array(keras.ops.convert_to_numpy(kernel))
    value[..., 0] = 7.0
    kernel.assign(value)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(x)), keras.ops.convert_to_numpy(masked), atol=1e-5
    )
    kernel.assign(before[[v.path for v in model.weights].index(kernel.path)])
    sitting.end()
    for variable, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


def test_what_trained_meanwhile_stays_trained(model):
    graph = ChannelGraph(model)
    roots = roots_of(graph, "b1_conv1")
    out = np.zeros(len(graph.labels_to_roots), bool)
    out[roots[1]] = True
    kernel = model.get_layer("b1_conv2").kernel
    before = np.array(keras.ops.convert_to_numpy(kernel))
    sitting = SittingOut(graph)
    sitting.begin(out)
    during = np.array(keras.ops.convert_to_numpy(kernel))
    assert np.all(during[:, :, 1] == 0) and np.all(during[:, :, 0] != 0)
    kernel.assign(during + 1)
    sitting.end()
    after = keras.ops.convert_to_numpy(kernel)
    np.testing.assert_array_equal(after[:, :, 1], before[:, :, 1])
    np.testing.assert_array_equal(after[:, :, 0], before[:, :, 0] + 1)
    kernel.assign(before)


def test_readers_are_scaled_by_channel(model):
    graph = ChannelGraph(model)
    roots = roots_of(graph, "b1_conv1")
    factors = np.ones(len(graph.labels_to_roots))
    factors[roots[0]] = 0.5
    kernel = model.get_layer("b1_conv2").kernel
    before = np.array(keras.ops.convert_to_numpy(kernel))
    SittingOut(graph).scale(factors)
    after = keras.ops.convert_to_numpy(kernel)
    np.testing.assert_allclose(after[:, :, 0], before[:, :, 0] / 2)
    np.testing.assert_array_equal(after[:, :, 1:], before[:, :, 1:])
    kernel.assign(before)
