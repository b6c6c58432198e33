import json

import keras
import numpy as np
import pytest

from ccm_tf.graph import ChannelGraph
from ccm_tf.plan import plan
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.rewrite import rewrite
from tests import zoo


def test_save_and_load(tmp_path):
    model = zoo.randomise(zoo.chain())
    made = plan(model, "magnitude", params=0.5)
    made.save(tmp_path / "plan.json")
    loaded = PruningPlan.load(tmp_path / "plan.json")
    assert vars(loaded) | {"rankings": None} == vars(made) | {"rankings": None}
    assert json.loads((tmp_path / "plan.json").read_text())["kept"] == made.kept


def test_an_edited_plan_is_applied(tmp_path):
    model = zoo.randomise(zoo.chain())
    path = tmp_path / "plan.json"
    plan(model, "magnitude", params=0.9).save(path)
    value = json.loads(path.read_text())
    value["kept"]["conv1"] = [2, 4]
    path.write_text(json.dumps(value))
    slim = rewrite(model, PruningPlan.load(path))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(slim.get_layer("conv1").kernel),
        keras.ops.convert_to_numpy(model.get_layer("conv1").kernel)[..., [2, 4]],
    )


@pytest.mark.parametrize("text", ["not json", "[]", '{"format": "other"}'])
def test_what_is_no_plan_is_refused(tmp_path, text):
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not a pruning plan"):
        PruningPlan.load(path)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"kept": None}, "no whole pruning plan: it needs a 'fingerprint' and, under 'kept'"),
        ({"fingerprint": None}, "no whole pruning plan"),
        ({"kept": {"conv1": 3}}, r"channels of layer 'conv1' that stay.*Received: 3"),
        ({"kept": {"conv1": [0, 1.5]}}, r"Received: \[0, 1.5\]"),
        ({"kept": {"conv1": [0, 0]}}, r"each once.*Received: \[0, 0\]"),
    ],
)
def test_edits_that_leave_no_plan(tmp_path, edit, message):
    path = tmp_path / "plan.json"
    PruningPlan.from_kept(zoo.chain(), {}).save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | edit))
    with pytest.raises(ValueError, match=message):
        PruningPlan.load(path)


@pytest.mark.parametrize(
    ("name", "channels", "message"),
    [
        ("conv9", [0], "names layer 'conv9', which makes no channels.*Layers that do: conv1"),
        ("conv1", [], "leaves layer 'conv1' without channels. Keep at least one"),
        ("conv1", [0, 6], "'conv1' has the channels 0 to 5. Received: 0 to 6"),
    ],
)
def test_edited_plans_that_do_not_fit(tmp_path, name, channels, message):
    model, path = zoo.chain(), tmp_path / "plan.json"
    PruningPlan.from_kept(model, {}).save(path)
    value = json.loads(path.read_text())
    value["kept"][name] = channels
    path.write_text(json.dumps(value))
    with pytest.raises(ValueError, match=message):
        rewrite(model, PruningPlan.load(path))


def test_a_plan_for_another_model():
    made = PruningPlan.from_kept(zoo.residual(), {})
    with pytest.raises(ValueError, match="made for another model .fingerprint .*Make a plan for"):
        rewrite(zoo.chain(), made)


def test_from_kept_fills_in_the_rest():
    made = PruningPlan.from_kept(zoo.residual(), {"b1_conv2": [1, 3], "b2_conv1": [0]})
    assert made.kept["stem"] == [1, 3]
    assert made.kept["b1_conv1"] == list(range(6))
    assert made.kept["b2_conv1"] == [0]


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"pool1": [0]}, "layer 'pool1', which makes no channels.*conv1, conv2"),
        ({"conv1": []}, "leaves layer 'conv1' without channels"),
        ({"conv1": [0, 6]}, "'conv1' has the channels 0 to 5. Received: 0 to 6"),
        ({"logits": [0]}, "channels of layer 'logits' that must stay: is an output"),
    ],
)
def test_wrong_plans_by_hand(kept, message):
    with pytest.raises(ValueError, match=message):
        PruningPlan.from_kept(zoo.chain(), kept)


def test_contradictions_of_tied_layers():
    model = zoo.residual()
    with pytest.raises(ValueError, match="Tied layers must keep the same"):
        PruningPlan.from_kept(model, {"stem": [0, 1], "b1_conv2": [0]})
    good = PruningPlan.from_kept(model, {"stem": [0, 1]})
    edited = PruningPlan({**good.kept, "b2_conv2": [0]}, good.fingerprint)
    with pytest.raises(ValueError, match="'stem' is kept, but its twin in layer 'b2_conv2'"):
        rewrite(model, edited)


def test_a_plan_with_a_hole_is_refused():
    model = zoo.chain()
    good = PruningPlan.from_kept(model, {})
    kept = {name: value for name, value in good.kept.items() if name != "hidden"}
    with pytest.raises(ValueError, match="says nothing about layer 'hidden'"):
        rewrite(model, PruningPlan(kept, good.fingerprint))


def test_an_empty_part_of_a_split_is_refused():
    model = zoo.slices()
    good = PruningPlan.from_kept(model, {})
    with pytest.raises(ValueError, match="behind layer 'conv' without channels"):
        rewrite(model, PruningPlan({**good.kept, "conv": [0, 1, 2, 3]}, good.fingerprint))


def test_summary_shows_what_a_plan_saves():
    model = zoo.chain()
    lines = []
    PruningPlan.from_kept(model, {"conv1": [0, 1, 2]}).summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "conv1" in text and "of" not in lines[0]
    slim_params = ChannelGraph(
        rewrite(model, PruningPlan.from_kept(model, {"conv1": [0, 1, 2]}))
    ).params()
    assert f"{model.count_params():,}" in text and f"{slim_params:,}" in text
