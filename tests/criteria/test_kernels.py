import keras
import numpy as np
import pytest
from keras import layers

from ccm_tf.criteria.kernels import channel_kernels, made_weights
from ccm_tf.graph import ChannelGraph
from tests import zoo


def graph_of(shape, *stack):
    inputs = keras.Input(shape)
    x = inputs
    for layer in stack:
        x = layer(x)
    model = keras.Model(inputs, layers.Dense(2, name="logits")(layers.Flatten()(x)))
    return ChannelGraph(zoo.randomise(model))


def group_of(graph, name):
    return next(g for g in graph.groups if any(p.name == name for p in g.producers))


def rows_of(graph, name):
    ((roots, rows),) = channel_kernels(graph, group_of(graph, name))
    return roots, rows


def values(layer, index):
    return np.asarray(layer.get_weights()[index], np.float64)


def test_convolution_without_its_bias():
    graph = graph_of((4, 4, 3), layers.Conv2D(5, 2, name="conv"))
    roots, rows = rows_of(graph, "conv")
    kernel = values(graph.model.get_layer("conv"), 0)
    np.testing.assert_array_equal(roots, group_of(graph, "conv").producers[0].roots)
    np.testing.assert_array_equal(rows, kernel.reshape(-1, 5).T)


def test_transposed_convolution():
    graph = graph_of((4, 4, 3), layers.Conv2DTranspose(5, 2, name="conv"))
    _, rows = rows_of(graph, "conv")
    kernel = values(graph.model.get_layer("conv"), 0)
    np.testing.assert_array_equal(rows, np.moveaxis(kernel, 2, 0).reshape(5, -1))


@pytest.mark.parametrize(("kind", "gates"), [("SimpleRNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_recurrent_units_are_made_by_all_their_gates(kind, gates):
    graph = graph_of((6, 3), getattr(layers, kind)(5, name="cells"))
    _, rows = rows_of(graph, "cells")
    cells = graph.model.get_layer("cells")
    assert rows.shape == (5, gates * (3 + 5))
    kernel, recurrent = (values(cells, i).reshape(-1, gates, 5) for i in (0, 1))
    expected = np.sum(kernel**2, axis=(0, 1)) + np.sum(recurrent**2, axis=(0, 1))
    np.testing.assert_allclose(np.sum(rows**2, axis=1), expected)


def test_units_of_two_directions():
    graph = graph_of((6, 3), layers.Bidirectional(layers.LSTM(4), name="both"))
    _, rows = rows_of(graph, "both")
    assert rows.shape == (4, 2 * 4 * (3 + 4))


def test_heads():
    graph = ChannelGraph(zoo.randomise(zoo.transformer()))
    _, rows = rows_of(graph, "attention")
    # Query, key: 6 x 3 each; value, output: 6 x value_dim each; no biases.
    attention = graph.model.get_layer("attention")
    assert rows.shape == (4, 2 * 6 * (attention.key_dim + attention.value_dim))


def test_an_embedding_has_a_column_per_channel():
    graph = ChannelGraph(zoo.randomise(zoo.transformer()))
    kernels = [rows for _, rows in channel_kernels(graph, group_of(graph, "embedding"))]
    table = values(graph.model.get_layer("embedding"), 0)
    assert any(np.array_equal(rows, table.T) for rows in kernels)


def test_a_shared_layer_counts_once_and_tied_layers_each():
    graph = ChannelGraph(zoo.randomise(zoo.shared()))
    group = group_of(graph, "conv")
    assert len(list(made_weights(graph, group))) == len(group.producers)
    graph = ChannelGraph(zoo.randomise(zoo.residual()))
    names = [made[0].layer for made in made_weights(graph, group_of(graph, "stem"))]
    assert names == ["stem", "b1_conv2", "b2_conv2"]


def test_biases_make_channels_but_are_no_kernels():
    graph = graph_of((4, 4, 3), layers.Conv2D(5, 2, name="conv"))
    ((kernel, bias),) = made_weights(graph, group_of(graph, "conv"))
    assert (kernel.is_kernel, bias.is_kernel) == (True, False)
    assert bias.rows(bias.variable).shape == (5, 1)
