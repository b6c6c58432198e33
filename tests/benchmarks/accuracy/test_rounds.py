import dataclasses
import json

import keras
import numpy as np
import pytest

import ccm_tf
from benchmarks.accuracy.deadline import Deadline, OutOfTime
from benchmarks.accuracy.kinds import STEPS
from benchmarks.accuracy.steps import Context
from tasks import models
from tasks.data import load

SETTINGS = {
    "rounds": 2,
    "round_epochs": 1,
    "epochs": 2,
    "images": 12,
    "batch_size": 6,
    "learning_rate": 0.05,
    "momentum": 0.9,
    "l2": 1e-4,
    "augment": True,
    "on_device": True,
    "macs": 0.5,
    "criterion": "feature_map",
}
GAME = {"student_loss_weight": 0.7, "kd": {"temperature": 20.0}, "game": True}


@pytest.fixture
def context(drawn, tmp_path):
    return Context(load("image_folder", drawn), seed=1, folder=tmp_path, teacher=small)


def small():
    keras.utils.set_random_seed(0)
    return models.resnet(depth=8, classes=2, width=0.25)


def epochs(folder):
    """Epochs that checkpoints hold, by round."""
    found = []
    for path in sorted(folder.glob("round-*/checkpoint.npz")):
        with np.load(path, allow_pickle=False) as saved:
            found.append(len(json.loads(str(saved["log"]))))
    return found


@pytest.mark.parametrize("criterion", ["feature_map", "taylor"])
def test_rounds_end_at_the_budget(context, criterion):
    dense = small()
    slim, record = STEPS["rounds"](dense, {**SETTINGS, "criterion": criterion}, context)
    parts = [one["macs"] / ccm_tf.profile(dense).macs for one in record["rounds"]]
    assert parts[0] == pytest.approx(0.75, abs=0.08)
    assert parts[1] == pytest.approx(0.5, abs=0.08)
    assert ccm_tf.profile(slim).macs == record["rounds"][-1]["macs"]
    assert epochs(context.folder) == [1, 2]


def test_directions_may_go_round_by_round(context):
    settings = {**SETTINGS, "criterion": {"name": "eigendamage", "max_ratio": 0.9}, "macs": 0.7}
    slim, _ = STEPS["rounds"](small(), settings, context)
    assert ccm_tf.profile(slim).macs < ccm_tf.profile(small()).macs


@pytest.mark.slow
def test_rounds_beside_the_trained_network_stop_in_time_and_go_on(context):
    settings = {**SETTINGS, **GAME}
    late = dataclasses.replace(context, deadline=Deadline(minutes=0))
    dense = small()
    with pytest.raises(OutOfTime, match="1 of 2 epochs"):
        STEPS["rounds"](dense, settings, late)
    assert epochs(context.folder) == [1, 1]
    _, record = STEPS["rounds"](dense, settings, context)
    assert [one["number"] for one in record["rounds"]] == [1, 2]
    assert epochs(context.folder) == [1, 2]
