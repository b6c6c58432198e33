import dataclasses

import keras
import pytest

import ccm_tf
from benchmarks.accuracy.cells import stage_of
from benchmarks.accuracy.deadline import Deadline, OutOfTime
from benchmarks.accuracy.gradual import WAYS, pruning_of, schedule_of
from benchmarks.accuracy.kinds import STEPS
from benchmarks.accuracy.matrix import load_cells
from benchmarks.accuracy.steps import Context
from ccm_tf.schedules import ConstantSparsity, PolynomialDecay
from tasks import models
from tasks.data import load

RECIPE = {
    "epochs": 3,
    "until": 2,
    "prunings": 3,
    "images": 12,
    "batch_size": 6,
    "learning_rate": 0.05,
    "momentum": 0.9,
    "l2": 1e-4,
    "augment": True,
    "macs": 0.5,
    "criterion": "magnitude",
}
SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def dataset(drawn):
    return load("image_folder", drawn)


@pytest.fixture
def context(dataset, tmp_path):
    return Context(dataset, seed=1, folder=tmp_path)


def small():
    return models.resnet(depth=8, classes=2, width=0.25)


@pytest.mark.parametrize(
    "settings",
    [
        {"way": "masks", "criterion": "relevance", "from_scratch": True, "first": 0.3, "power": 1},
        {"way": "growing", "arguments": {"growth": 0.5}},
        pytest.param({"way": "masks", "criterion": "pca",
                      "loss": {"over": "samples", "weight": 0.05}}, marks=SLOW),
        pytest.param({"way": "probabilistic", "arguments": {"growth": 0.5}}, marks=SLOW),
        pytest.param({"way": "directional", "arguments": {"strength": 0.1}}, marks=SLOW),
    ],
    ids=lambda settings: settings["way"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*channels are removed in step")
def test_channels_leave_until_the_budget_is_met(context, settings):
    model = small()
    dense = ccm_tf.profile(model).macs
    slim, record = STEPS["gradual"](model, {**RECIPE, **settings}, context)
    assert 0.35 * dense < ccm_tf.profile(slim).macs <= 0.5 * dense
    assert len(record["epochs"]) == 3 and record["seconds"] > 0
    assert record["kept"]["conv1"] == slim.get_layer("conv1").filters
    assert len(record["prunings"]) == 4


def test_training_goes_on_from_its_last_epoch(context):
    settings = {**RECIPE, "way": "growing", "arguments": {"growth": 0.4}}
    late = dataclasses.replace(context, deadline=Deadline(minutes=0))
    model = small()
    start = model.get_weights()
    with pytest.raises(OutOfTime, match="1 of 3 epochs"):
        STEPS["gradual"](model, settings, late)
    assert (context.folder / "pruning.npz").exists()
    again = small()
    again.set_weights(start)
    slim, record = STEPS["gradual"](again, settings, context)
    assert len(record["epochs"]) == 3
    assert ccm_tf.profile(slim).macs <= 0.5 * ccm_tf.profile(model).macs


def test_schedules():
    settings = {**RECIPE, "way": "masks", "begin": 1, "until": 4, "prunings": 6, "macs": 0.25}
    assert schedule_of(settings, 10) == PolynomialDecay(0.0, 0.75, 10, 40, frequency=5)
    settings |= {"first": 0.2, "power": 1}
    schedule = schedule_of(settings, 10)
    assert schedule(10) == (True, pytest.approx(0.15)) and schedule(25)[1] == pytest.approx(0.45)
    settings["way"] = "growing"
    assert schedule_of(settings, 10) == ConstantSparsity(0.75, 10, 40, frequency=5)
    # What does not divide ends earlier, never later.
    assert schedule_of({**settings, "prunings": 7}, 10).last_step == 38


def test_cells_have_as_many_epochs_and_prune_to_the_end():
    """Equal budgets and equal epochs: what the comparison says of itself."""
    stages = {"gradual", "gradual_ccm", "frs", "greg", "increg", "spp", "directional", "5 epochs"}
    cells = [cell for cell in load_cells() if cell.labels["stage"] in stages]
    assert {cell.labels["stage"] for cell in cells} == stages
    assert {cell.labels["macs"] for cell in cells} == {0.25}
    for cell in cells:
        first, last = cell.steps[0], cell.steps[-1]
        before = 0 if last.get("from_scratch") else first["recipe"]["epochs"]
        assert before + last["epochs"] == 20, cell.title
        if last["step"] == "gradual":
            schedule = schedule_of(last, 391)
            assert schedule.last_step == schedule.end_step <= last["until"] * 391
            assert schedule(schedule.last_step) == (True, 0.75)
            assert last["way"] in WAYS and stage_of(cell.steps) == "gradual"


def test_every_cell_makes_its_callback(dataset, tmp_path):
    """Settings of cells are checked here, not after hours of training."""
    for cell in load_cells():
        if cell.steps[-1]["step"] == "gradual":
            settings = {**cell.steps[-1], "images": 4}
            pruning = pruning_of(settings, Context(dataset, 0, tmp_path))
            assert isinstance(pruning, keras.callbacks.Callback)
