import json

import keras
import numpy as np
import pytest

import ccm_tf
from ccm_tf.kfe.directions import Directions
from ccm_tf.kfe.eigen_plan import EigenPlan
from ccm_tf.kfe.planner import plan
from ccm_tf.rewrite import rewrite
from tests import zoo


@pytest.fixture
def model():
    return zoo.randomise(zoo.residual())


def test_save_and_load(model, tmp_path):
    x = zoo.inputs_for(model, 8)
    made = plan(model, x, ratio=0.3)
    made.save(tmp_path / "plan.eigen")
    assert [p.name for p in tmp_path.iterdir()] == ["plan.eigen"]
    again = EigenPlan.load(tmp_path / "plan.eigen")
    assert str(again) == str(made)
    for name in ("fingerprint", "target", "counts", "notes", "settings", "predicted_rise"):
        assert getattr(again, name) == getattr(made, name), name
    assert list(again.layers) == list(made.layers)
    assert list(again.spectra) == list(made.spectra)
    np.testing.assert_array_equal(
        np.asarray(rewrite(model, again)(x)), np.asarray(rewrite(model, made)(x))
    )


def test_summary_shows_every_layer(model):
    made = plan(model, zoo.inputs_for(model, 8), ratio=0.3, keep=["stem"])
    lines = []
    made.summary(lines.append)
    text = "\n".join(lines)
    assert text == str(made)
    assert "Eigen plan (EigenDamage, ratio=0.3)" in text
    assert "inputs and" in text and "directions" in text and "%" in text
    for name in made.spectra:
        assert name in text


def test_predicted_rise_is_half_the_importance(model):
    made = plan(model, zoo.inputs_for(model, 8), ratio=0.3)
    scores = 0.0
    for name in made.layers:
        spectrum = made.spectra[name]
        gone = np.delete(spectrum.input_scores, spectrum.kept_inputs).sum()
        gone += np.delete(spectrum.output_scores, spectrum.kept_outputs).sum()
        scores += gone / 2
    # What is gone on both sides counts once.
    assert 0 < made.predicted_rise <= scores * (1 + 1e-12)


def test_files_that_are_no_plans(tmp_path):
    text = tmp_path / "text.npz"
    text.write_text("no plan")
    other = tmp_path / "other.npz"
    np.savez(other, plan=np.array(json.dumps({"format": "something"})))
    pickled = tmp_path / "pickled.npz"
    np.savez(pickled, plan=np.array([{}], dtype=object))
    empty = tmp_path / "empty.npz"
    np.savez(empty, x=np.ones(2))
    for path in (text, other, pickled, empty):
        with pytest.raises(ValueError, match="is not an eigen plan"):
            EigenPlan.load(path)


def test_clear_errors(model):
    made = plan(model, zoo.inputs_for(model, 8), ratio=0.3)
    with pytest.raises(ValueError, match="made for another model"):
        rewrite(zoo.chain(), made)
    with pytest.raises(ValueError, match="nothing to fold"):
        rewrite(model, made, fold="least_squares", data=zoo.inputs_for(model))
    wrong = EigenPlan({"nothing": Directions(np.eye(3), np.eye(3))}, made.fingerprint)
    with pytest.raises(ValueError, match="there is no such layer"):
        rewrite(model, wrong)
    wrong = EigenPlan({"stem": Directions(np.eye(2), np.eye(4))}, made.fingerprint)
    with pytest.raises(ValueError, match="it has 3 inputs and 4 outputs"):
        rewrite(model, wrong)
    empty = EigenPlan({"stem": Directions(np.ones((3, 0)), np.eye(4))}, made.fingerprint)
    with pytest.raises(ValueError, match="at least one direction"):
        rewrite(model, empty)


def test_public_names():
    assert ccm_tf.EigenPlan is EigenPlan and ccm_tf.kfe.plan is plan
    assert keras.Model
