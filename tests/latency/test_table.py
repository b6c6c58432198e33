import keras
import pytest

import ccm_tf
from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.table import LatencyTable
from ccm_tf.latency.work import model_work
from tests import zoo
from tests.latency.operators_of import formula, measure


def filled(model):
    table = LatencyTable("test bench")
    assert table.measure(model, measure)
    return table


def expected(model):
    works = model_work(ChannelGraph(model)).works
    return sum(formula((work.operator, *work.widths())) for work in works)


@pytest.mark.parametrize("make", [zoo.chain, zoo.residual, zoo.padded_shortcut])
def test_predictions_for_dense_and_pruned_models(make):
    model = make()
    table = filled(model)
    assert table.predict(model) == pytest.approx(expected(model), rel=0.02)
    slim = ccm_tf.rewrite(model, ccm_tf.plan(model, "random", channels=0.6))
    assert table.predict(slim) == pytest.approx(expected(slim), rel=0.02)
    assert table.steps["conv"] == (1, 16)


def test_nothing_is_measured_twice():
    model = zoo.chain()
    table = filled(model)
    assert not table.measure(model, lambda sized: pytest.fail("measured again"))
    assert not table.measure(
        ccm_tf.rewrite(model, ccm_tf.plan(model, "random", channels=0.6)),
        lambda sized: pytest.fail("measured again"),
    )
    # Only what is new: no second search for steps.
    inputs = keras.Input((3, 5, 4))
    other, asked = keras.Model(inputs, keras.layers.Dense(2)(inputs)), []
    table.measure(other, lambda sized: asked.extend(sized) or measure(sized))
    assert {operator.kind for operator, *_ in asked} == {"dense"}


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="'test bench' lacks the operator conv-8x8-k3x3-same"):
        LatencyTable("test bench").predict(zoo.chain())
    with pytest.raises(ValueError, match="dtype.*'float32', 'int8'.*Received: 'int4'"):
        LatencyTable("test bench", dtype="int4")
    with pytest.raises(ValueError, match="threads=0"):
        LatencyTable("test bench", threads=0)


def test_save_and_load(tmp_path):
    table = filled(zoo.residual())
    table.save(tmp_path / "table.json")
    assert LatencyTable.load(tmp_path / "table.json") == table
