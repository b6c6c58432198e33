import keras
import numpy as np
import pytest

from benchmarks.accuracy import training
from benchmarks.accuracy.deadline import Deadline, OutOfTime
from tasks.batches import Batches, Preprocessing

RECIPE = {"epochs": 4, "learning_rate": 0.05, "momentum": 0.9}
SETTINGS = Preprocessing((0.5,) * 3, (0.25,) * 3, pad=1)


def _model():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    training.add_l2(model, 1e-3)
    return model


def _batches():
    images = np.random.default_rng(0).integers(0, 255, (20, 6, 6, 3)).astype("uint8")
    return Batches(images, np.arange(20) % 2, SETTINGS, 8, seed=3)


class _Killed(Exception):
    pass


@pytest.mark.parametrize("moment", ["after saving", "while saving"])
def test_killed_training_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch, moment):
    whole = _model()
    log = training.fit_epochs(whole, _batches(), RECIPE, tmp_path / "whole.npz")
    path = tmp_path / "killed.npz"
    save = training.EpochCheckpoint.on_epoch_end

    def killed(self, epoch, logs=None):
        if moment == "after saving" or epoch < 1:
            save(self, epoch, logs)
        if epoch == 1:
            # What a writer that was killed leaves behind.
            (tmp_path / ".killed.0000.npz").write_bytes(b"half")
            raise _Killed

    monkeypatch.setattr(training.EpochCheckpoint, "on_epoch_end", killed)
    with pytest.raises(_Killed):
        training.fit_epochs(_model(), _batches(), RECIPE, path)
    monkeypatch.undo()

    resumed = _model()
    for variable in resumed.trainable_variables:
        variable.assign(variable + 1.0)
    again = training.fit_epochs(resumed, _batches(), RECIPE, path)
    assert len(again) == len(log) == 4
    for one, other in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    assert again[-1]["loss"] == pytest.approx(log[-1]["loss"], rel=1e-4)


def test_finished_training_is_not_repeated(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    first = _model()
    log = training.fit_epochs(first, _batches(), RECIPE, path)
    second = _model()
    monkeypatch.setattr(second, "fit", None)
    assert training.fit_epochs(second, _batches(), RECIPE, path) == log
    for one, other in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_nan_stops_and_keeps_the_last_good_epoch(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    save = training.EpochCheckpoint.on_epoch_end

    def poisoned(self, epoch, logs=None):
        save(self, epoch, {"loss": float("nan")} if epoch == 2 else logs)
        if epoch == 2:
            self.model.stop_training = True

    monkeypatch.setattr(training.EpochCheckpoint, "on_epoch_end", poisoned)
    with pytest.raises(ValueError, match="2 of 4 epochs"):
        training.fit_epochs(_model(), _batches(), RECIPE, path)
    with np.load(path, allow_pickle=False) as saved:
        assert all(np.all(np.isfinite(saved[name])) for name in saved.files if name != "log")


def test_time_that_is_up_ends_a_training_that_goes_on_later(tmp_path):
    whole, stopped = _model(), _model()
    training.fit_epochs(whole, _batches(), RECIPE, tmp_path / "whole.npz")
    path = tmp_path / "stopped.npz"
    for done in (1, 2):
        with pytest.raises(OutOfTime, match=f"{done} of 4 epochs"):
            training.fit_epochs(stopped, _batches(), RECIPE, path, Deadline(minutes=0))
    training.fit_epochs(stopped, _batches(), RECIPE, path)
    for one, other in zip(whole.weights, stopped.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("two_drops", [0.05, 0.05, 0.005, 0.0005]),
        # A cosine over three epochs behind five of warm-up, 0.05 * sin²(pi / 6) at the end.
        ("warmup_cosine", [0.00075, 0.03075, 0.0315, 0.0125]),
    ],
)
def test_schedules_of_recipes(schedule, rates):
    model = _model()
    recipe = {**RECIPE, "epochs": 8, "schedule": schedule}
    training.compile_for(model, recipe, steps=80)
    for step, rate in zip((0, 40, 41, 79), rates, strict=True):
        model.optimizer.iterations.assign(step)
        assert float(model.optimizer.learning_rate) == pytest.approx(rate, rel=1e-5)


def test_l2_is_part_of_the_loss_and_not_of_the_saved_model(tmp_path):
    model = _model()
    expected = 1e-3 * sum(float(np.sum(np.square(v))) for v in model.trainable_variables)
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").losses == []


def test_fixed_steps_run_over_the_end_of_an_epoch():
    batches = _batches()
    data = training.FixedSteps(batches, 5)
    assert len(data) == 5
    last = data[4]
    batches.epoch = 1
    np.testing.assert_array_equal(last[0], batches[1][0])


def test_fit_steps_takes_that_many(tmp_path):
    model = _model()
    log = training.fit_steps(model, _batches(), {**RECIPE, "steps": 5})
    assert int(model.optimizer.iterations) == 5
    assert np.isfinite(log["loss"])
