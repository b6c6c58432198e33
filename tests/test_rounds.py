import pytest

import ccm_tf
from ccm_tf.graph import ChannelGraph
from ccm_tf.profile import profile
from ccm_tf.rounds import Round, Stop, absolute, composed, targets_of
from tests import zoo


def test_numbers_are_parts_of_macs_and_dicts_stay():
    assert targets_of([0.8, {"energy": 0.9}]) == [{"macs": 0.8}, {"energy": 0.9}]


def test_schedules_give_rounds():
    schedule = ccm_tf.schedules.KFERounds(rounds=3, ratio=0.5, frequency=10)
    assert targets_of(schedule) == [{"macs": 0.5}, {"macs": 0.25}, {"macs": 0.125}]


@pytest.mark.parametrize("schedule", [[], [0], [1.5], ["half"], "half", {"macs": 0.5}, 0.5])
def test_what_is_no_schedule_is_told(schedule):
    with pytest.raises(ValueError, match="schedule|target"):
        targets_of(schedule)


def test_a_schedule_without_end_is_told():
    with pytest.raises(ValueError, match="without an end"):
        targets_of(ccm_tf.schedules.ConstantSparsity(0.5, 0))


def test_parts_count_from_the_dense_model():
    model = zoo.chain()
    dense = profile(model)
    target = {"params": 0.5, "macs": 100, "energy": 0.9}
    found = absolute(target, dense, ChannelGraph(model))
    assert found == {"params": dense.params // 2, "macs": 100, "energy": 0.9}
    assert absolute({"channels": 0.5}, dense, ChannelGraph(model)) == {
        "channels": (6 + 8 + 5 + 4) // 2
    }


def test_rounds_survive_json(tmp_path):
    one = Round(3, {"macs": 0.5}, 10, 20, tmp_path, 0.9, 1.5, False)
    assert Round.from_dict(one.to_dict(), tmp_path) == one
    assert one.name == "round-03"


def test_stop_rules():
    model = zoo.chain()
    dense = profile(model)
    half = Round(1, {}, dense.params // 2, dense.macs)
    assert Stop().reached([half], dense) is None
    assert "parameters" in Stop(params=0.5).reached([half], dense)
    assert Stop(macs=0.5).reached([half], dense) is None
    assert Stop(params=0.5).reached([], dense) is None
    assert Stop(max_drop=0.1).allows(0.8, 0.9) and not Stop(max_drop=0.1).allows(0.79, 0.9)
    assert not Stop(max_drop=0.1).allows(float("nan"), 0.9)


@pytest.mark.parametrize("options", [{"macs": 0}, {"params": 2}, {"max_drop": -1}])
def test_bad_rules_are_told(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Stop(**options)
    with pytest.raises(ValueError, match="evaluate"):
        Stop(max_drop=0.1).check(scored=False)


def test_plans_one_after_the_other_are_one():
    model = zoo.chain()
    first = ccm_tf.PruningPlan.from_kept(model, {"conv1": [1, 2, 4, 5]})
    second = ccm_tf.PruningPlan.from_kept(ccm_tf.rewrite(model, first), {"conv1": [0, 3]})
    whole = composed(model, [first, second])
    assert whole.kept["conv1"] == [1, 5] and len(whole.kept["conv2"]) == 8
    with pytest.raises(ValueError, match="Plan 2 keeps channels"):
        composed(model, [second, first])
