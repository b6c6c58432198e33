import numpy as np
import pytest

import ccm_tf
from ccm_tf.budget import Limits
from ccm_tf.criteria import get_criterion
from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.budget import LatencyBudget, select_in_time
from ccm_tf.latency.proof import Measured
from ccm_tf.latency.table import LatencyTable
from ccm_tf.latency.work import model_work
from tests import zoo
from tests.latency.operators_of import measure


@pytest.fixture(scope="module")
def model():
    import keras

    layers = keras.layers
    inputs = x = keras.Input((16, 16, 3))
    for number in range(3):
        x = layers.Conv2D(64, 3, padding="same", activation="relu", name=f"conv{number}")(x)
    return keras.Model(inputs, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


@pytest.fixture(scope="module")
def table(model):
    table = LatencyTable("test bench")
    table.measure(model, measure)
    return table


def test_a_part_of_the_latency(model, table):
    plan = ccm_tf.plan(model, "random", latency=0.5, latency_table=table)
    slim = ccm_tf.rewrite(model, plan)
    assert 0.42 < table.predict(slim) / table.predict(model) <= 0.5
    assert plan.target == {"latency": 0.5}
    assert any("on test bench" in note and "->" in note for note in plan.notes)


def test_widths_follow_the_steps_that_were_measured(model, table):
    plan = ccm_tf.plan(model, "random", latency=0.5, latency_table=table)
    widths = [len(plan.kept[f"conv{n}"]) for n in range(3)]
    assert all(width % 16 == 0 for width in widths)
    assert any("multiples of 16" in note for note in plan.notes)
    # What follows the steps gets more done in the same time.
    exact = ccm_tf.plan(model, "random", latency=0.5, latency_table=table, round_to=1)
    assert plan.counts["kept"]["macs"] >= exact.counts["kept"]["macs"]


def test_milliseconds(model, table):
    allowed = 0.3 * table.predict(model)
    plan = ccm_tf.plan(model, "random", latency_ms=allowed, latency_table=table)
    assert table.predict(ccm_tf.rewrite(model, plan)) <= allowed


def test_what_cannot_be(model, table):
    with pytest.raises(ValueError, match=r"No plan meets latency=0.0001 \(.* ms\)"):
        ccm_tf.plan(model, "random", latency=1e-4, latency_table=table)
    for value in (0, 1.5, float("nan"), True):
        with pytest.raises(ValueError, match="`latency` must be a fraction"):
            ccm_tf.plan(model, "random", latency=value, latency_table=table)
    with pytest.raises(ValueError, match="`latency_ms` must be milliseconds above 0"):
        ccm_tf.plan(model, "random", latency_ms=-3, latency_table=table)
    with pytest.raises(ValueError, match="exactly one of"):
        ccm_tf.plan(model, "random", latency=0.5, macs=0.5, latency_table=table)
    with pytest.raises(ValueError, match="'test bench' lacks the operator"):
        ccm_tf.plan(zoo.sequential(), "random", latency=0.5, latency_table=table)


def test_rounds_count_from_the_dense_model(model, table):
    target = {"latency": 0.5, "latency_table": table}
    from ccm_tf.profile import profile
    from ccm_tf.rounds import absolute

    made = absolute(target, profile(model), ChannelGraph(model))
    np.testing.assert_allclose(made["latency_ms"], 0.5 * table.predict(model))
    assert "latency" not in made


def _chosen(model, table, proof, **target):
    graph = ChannelGraph(model)
    ((kind, value),) = target.items()
    budget = LatencyBudget(kind, value, table)
    rankings = get_criterion("random").rank(graph)
    return graph, select_in_time(graph, rankings, budget, Limits(), "global", proof)


@pytest.mark.parametrize("kind", ["latency", "latency_ms"])
def test_what_is_measured_corrects_what_was_predicted(model, table, kind):
    """A machine on which a fifth of the dense model's time does not depend on widths."""
    graph, seen = ChannelGraph(model), []
    works = model_work(graph).works
    dense = table.total(works)

    def proof(mask):
        seen.append(Measured(dense, 0.8 * table.total(works, graph.kept(mask)) + 0.2 * dense))
        return seen[-1]

    wanted = 0.5 if kind == "latency" else 0.5 * dense
    _, selection = _chosen(model, table, proof, **{kind: wanted})
    errors = [abs(one.slim / dense / 0.5 - 1) for one in seen]
    assert 2 <= len(seen) <= 4
    assert min(errors) < 0.06 and min(errors) < errors[0]
    best = seen[errors.index(min(errors))]
    assert f"Measured here: {best.dense:.3g} ms -> {best.slim:.3g} ms" in selection.notes[-1]


def test_a_target_that_measurements_never_meet_ends(model, table):
    graph, selection = _chosen(model, table, lambda mask: Measured(1.0, 1.0), latency=0.5)
    assert "(100.0%)" in selection.notes[-1]
    assert not selection.mask[graph.groups[0].roots].all()
