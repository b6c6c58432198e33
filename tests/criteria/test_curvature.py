import keras
import numpy as np
import pytest
from keras import layers

import ccm_tf
from ccm_tf.criteria.curvature import output_rows
from ccm_tf.criteria.kron_obd import KronOBD
from ccm_tf.criteria.obd import OBD
from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.blocks import find_blocks
from tests import zoo

ALL = ("obd", "obs", "kron_obd", "kron_obs")


def test_rows_hold_the_bias_last():
    inputs = keras.Input((5, 5, 2))
    conv = layers.Conv2D(3, 3, name="conv")
    model = zoo.randomise(keras.Model(inputs, conv(inputs)))
    (block,) = find_blocks(ChannelGraph(model))[0].values()
    rows = output_rows(block)
    assert rows.shape == (3, 19)
    np.testing.assert_array_equal(rows[1, -1], np.asarray(conv.bias)[1])
    np.testing.assert_array_equal(
        rows[2, :-1], np.asarray(conv.kernel)[..., 2].reshape(-1).astype(float)
    )


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("make", [zoo.chain, zoo.residual, zoo.sequence])
def test_plans(name, make):
    model = zoo.randomise(make())
    x = zoo.inputs_for(model, 8)
    made = ccm_tf.plan(model, name, x, channels=0.6)
    slim = ccm_tf.rewrite(model, made, fold="obs", data=x)
    assert slim.count_params() == made.counts["kept"]["params"] < model.count_params()


def test_units_of_several_layers_add_up():
    model = zoo.randomise(zoo.residual())
    graph = ChannelGraph(model)
    x = zoo.inputs_for(model, 8)
    criterion = KronOBD()
    blocks = find_blocks(graph)[0]
    found = criterion.scores(graph, list(blocks.values()), x, criterion.options(0))
    stream = next(g for g in graph.groups if len(g.producers) > 1)
    ranking = criterion.rank(graph, x)[stream.index]
    total = sum(found[p.name] for p in stream.producers)
    by_root = dict(zip(stream.producers[0].roots, total, strict=True))
    expected = [by_root[root] for root in ranking.order]
    np.testing.assert_allclose(ranking.scores, expected, rtol=1e-5)


def test_channels_of_other_layers_stay():
    model = zoo.randomise(zoo.grouped())
    with pytest.warns(UserWarning, match="'grouped'.*not ranked and stay"):
        rankings = KronOBD().rank(ChannelGraph(model), zoo.inputs_for(model))
    assert len(rankings) < len(ChannelGraph(model).groups)


def test_data_is_needed():
    with pytest.raises(ValueError, match="needs data"):
        ccm_tf.plan(zoo.chain(), "kron_obd", channels=0.5)
    with pytest.raises(ValueError, match="`labels` must be one of"):
        OBD(labels="true")
