import numpy as np
import pytest

import ccm_tf
from tests import zoo
from tests.reporting.html_checker import whole
from tests.reporting.schema import check


@pytest.fixture
def model():
    return zoo.randomise(zoo.residual())


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(6, 8, 8, 3)).astype("float32")


def test_everything_at_once(model, images, tmp_path):
    plan = ccm_tf.plan(model, "pca", images, macs=0.5)
    slim = ccm_tf.rewrite(model, plan)
    report = ccm_tf.report(
        model,
        plan,
        slim,
        # A generator can be read once, and two models look at it.
        data=((batch,) for batch in np.split(images, 2)),
        evaluations={"dense": 0.9, "finetuned": 0.88, "int8": {"accuracy": 0.87, "bytes": 900}},
        title="A small network",
    )
    check(report.values)
    text = report.html()
    whole(text)
    for expected in ("A small network", "Why these widths", "Correlation between", "int8 file"):
        assert expected in text, expected
    dense, finetuned, int8 = (report.values[name] for name in report.values["stages"])
    assert dense["params"] == model.count_params()
    assert finetuned["macs"] == int8["macs"] == ccm_tf.profile(slim).macs
    widths = {row["name"]: row["kept"] for row in report.values["network"]["nodes"]}
    assert all(widths[name] == len(kept) for name, kept in plan.kept.items())
    report.save(tmp_path / "report.html")
    assert "87.00 %" in str(report)


def test_a_plan_alone_is_carried_out(model):
    plan = ccm_tf.PruningPlan.from_kept(model, {"stem": [0, 1]})
    report = ccm_tf.report(model, plan)
    check(report.values)
    assert report.values["pruned"]["macs"] == plan.counts["kept"]["macs"]
    assert report.values["title"] == "residual, pruned"


def test_a_model_alone_says_by_its_widths_what_happened(model):
    plan = ccm_tf.PruningPlan.from_kept(model, {"stem": [0, 1]})
    report = ccm_tf.report(model, after=ccm_tf.rewrite(model, plan))
    check(report.values)
    assert "plan" not in report.values and "chosen" not in report.html()
    (row, *_) = report.values["layers"]
    assert row["layers"][0] == "stem" and row["kept"] == 2


def test_directions(images):
    model = zoo.randomise(zoo.chain())
    labels = np.arange(len(images)) % 4
    plan = ccm_tf.kfe.plan(model, (images, labels), ratio=0.4)
    report = ccm_tf.report(model, plan)
    check(report.values)
    assert "Spectra: directions that stay" in report.html()
    assert report.values["pruned"]["params"] == plan.counts["kept"]["params"]


def test_nothing_to_compare(model):
    with pytest.raises(ValueError, match="pass the plan .* or both. Received: plan=None"):
        ccm_tf.report(model)


def test_a_plan_for_another_model(model):
    other = zoo.chain()
    with pytest.raises(ValueError, match="made for another model"):
        ccm_tf.report(model, ccm_tf.PruningPlan.from_kept(other, {}))


def test_a_plan_and_a_model_that_contradict_each_other(model):
    one, other = (ccm_tf.PruningPlan.from_kept(model, {"stem": kept}) for kept in ([0], [0, 1]))
    with pytest.raises(ValueError, match="has 2 channels in layer 'stem', but the plan keeps 1"):
        ccm_tf.report(model, one, ccm_tf.rewrite(model, other))


def test_bad_evaluations_are_refused_before_work(model):
    plan = ccm_tf.PruningPlan.from_kept(model, {"stem": [0, 1]})
    with pytest.raises(ValueError, match="share from 0 to 1. Received: 90"):
        ccm_tf.report(model, plan, evaluations={"dense": 90})


def test_data_that_does_not_fit(model):
    plan = ccm_tf.PruningPlan.from_kept(model, {"stem": [0, 1]})
    with pytest.raises(ValueError, match="takes batches of shape"):
        ccm_tf.report(model, plan, data=np.zeros((2, 5, 5, 3), "float32"))
