import dataclasses

import keras
import numpy as np
import pytest

import ccm_tf
from benchmarks.accuracy.kinds import STEPS
from benchmarks.accuracy.steps import Context
from tasks import models
from tasks.data import load

SETTINGS = {
    "steps": 5,
    "batch_size": 8,
    "learning_rate": 0.01,
    "momentum": 0.9,
    "l2": 1e-4,
    "augment": False,
    "student_loss_weight": 0.7,
    "kd": {"weight": 0.3},
}


@pytest.fixture
def context(drawn, tmp_path):
    return Context(load("image_folder", drawn), seed=1, folder=tmp_path)


@pytest.mark.parametrize("kind", ["finetune_kd", "finetune_kd_at", "finetune_aip"])
def test_a_teacher_helps_and_stays_as_it_is(context, kind):
    keras.utils.set_random_seed(0)
    dense = models.resnet(depth=8, classes=2, width=0.25)
    slim = ccm_tf.rewrite(dense, ccm_tf.plan(dense, "magnitude", macs=0.5))
    before = [np.array(v) for v in dense.variables]
    settings = dict(SETTINGS)
    if kind != "finetune_kd":
        settings["at"] = {"weight": 50.0}
    taught = dataclasses.replace(context, teacher=lambda: dense)
    model, record = STEPS[kind](slim, settings, taught)
    assert model is slim
    expected = {"finetune_kd": "kd", "finetune_kd_at": "at", "finetune_aip": "d_accuracy"}
    assert expected[kind] in record["log"]
    for a, b in zip(before, dense.variables, strict=True):
        np.testing.assert_array_equal(a, b)
