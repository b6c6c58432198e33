import json
import math

import keras
import numpy as np
import pytest

from ccm_tf import distribute
from tasks import progress
from tasks.callbacks import EpochBar, FiniteLoss, Recorder, line, resumed
from tasks.learning_rates import WarmupCosine

STEPS = 3


def model_of(loss="mse", rate=0.1):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), loss, metrics=["accuracy"])
    return model


def data():
    x = np.random.default_rng(0).normal(size=(4 * STEPS, 2)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def fit(model, callbacks, **settings):
    model.fit(*data(), batch_size=4, shuffle=False, callbacks=callbacks, verbose=0, **settings)


def recorder(tmp_path, records=None):
    schedule = WarmupCosine(0.1, STEPS, 10, 0)
    records = [] if records is None else records
    return Recorder(tmp_path / "c.keras", tmp_path / "h.json", records, schedule)


def test_a_loss_that_is_no_number_stops_with_advice():
    def loss(y_true, y_pred):
        return keras.ops.sum(y_pred) * float("nan")

    with pytest.raises(FloatingPointError, match="loss became nan in epoch 3. Try this."):
        fit(model_of(loss), [FiniteLoss("Try this.")], initial_epoch=2, epochs=3)


def test_weights_ruined_by_the_last_step_are_noticed():
    class Ruin(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == STEPS - 1:
                kernel = self.model.trainable_variables[0]
                kernel.assign(np.full(kernel.shape, np.inf))

    with pytest.raises(FloatingPointError, match="kernel' became inf"):
        fit(model_of(), [Ruin(), FiniteLoss("")])


def test_workers_that_hold_other_weights_write_nothing(tmp_path, monkeypatch):
    class Apart(distribute.Strategy):
        def gather(self, payload):
            return [payload, b"another"]

    monkeypatch.setattr(distribute, "current", lambda: Apart(2, 2))
    with pytest.raises(RuntimeError, match=r"Worker\(s\) 1 hold another .*goes on from the check"):
        fit(model_of(), [recorder(tmp_path)])
    assert not (tmp_path / "c.keras").exists()


def test_a_nan_leaves_the_last_checkpoint(tmp_path):
    class Ruin(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                kernel = self.model.trainable_variables[0]
                kernel.assign(np.full(kernel.shape, np.nan))

    with pytest.raises(FloatingPointError):
        fit(model_of(), [FiniteLoss(""), Ruin(), recorder(tmp_path)], epochs=5)
    model, records, _ = resumed(tmp_path / "c.keras", tmp_path / "h.json", STEPS)
    assert [record["epoch"] for record in records] == [1, 2]
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_records_and_resumes_with_the_optimizer(tmp_path):
    model = model_of()
    fit(model, [recorder(tmp_path)], epochs=2)
    loaded, records, done = resumed(tmp_path / "c.keras", tmp_path / "h.json", STEPS)
    assert done == 0
    assert [record["epoch"] for record in records] == [1, 2]
    assert {"loss", "accuracy", "learning_rate", "seconds"} <= set(records[0])
    for ours, theirs in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_a_record_without_its_checkpoint_is_cut_off(tmp_path):
    fit(model_of(), [recorder(tmp_path)], epochs=2)
    records = json.loads((tmp_path / "h.json").read_text())
    (tmp_path / "h.json").write_text(json.dumps([*records, {"epoch": 3}]))
    assert resumed(tmp_path / "c.keras", tmp_path / "h.json", STEPS)[1] == records


def test_killed_while_writing_keeps_the_checkpoint_before(tmp_path, monkeypatch):
    model = model_of()
    fit(model, [recorder(tmp_path)], epochs=1)
    before = (tmp_path / "c.keras").read_bytes()

    def half(path):
        path.write_bytes(before[: len(before) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(model, "save", half)
    with pytest.raises(KeyboardInterrupt):
        fit(model, [recorder(tmp_path)], initial_epoch=1, epochs=2)
    assert (tmp_path / "c.keras").read_bytes() == before


def test_scores_of_ccm_loss_are_recorded_by_layer(tmp_path):
    class Scores(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs.update({"ccm": 0.5, "ccm/relu1": 0.4, "ccm/relu2": 0.6})

    kept = recorder(tmp_path)
    fit(model_of(), [Scores(), kept])
    assert kept.records[0]["S"] == 0.5
    assert kept.records[0]["S_of"] == {"relu1": 0.4, "relu2": 0.6}


def test_learning_rate_is_that_of_the_last_step(tmp_path):
    kept = recorder(tmp_path)
    fit(model_of(rate=kept.schedule), [kept], epochs=2)
    rates = [record["learning_rate"] for record in kept.records]
    expected = [0.05 * (1 + math.cos(math.pi * epoch / 10)) for epoch in (0, 1)]
    np.testing.assert_allclose(rates, expected, rtol=1e-5)


def test_one_line_per_epoch():
    record = {"epoch": 3, "loss": 0.51234, "accuracy": 0.9, "learning_rate": 0.05, "seconds": 12.34}
    assert line(record, 30) == "epoch  3/30  loss  0.5123  accuracy 90.00%  lr 5.00e-02  12.3 s"
    full = line(record | {"val_accuracy": 0.8, "S": 0.412}, 30)
    assert "validation 80.00%  S 0.412" in full


@pytest.mark.parametrize("watched", [True, False])
def test_a_bar_only_if_somebody_watches(watched, capsys, monkeypatch):
    monkeypatch.setattr(progress, "interactive", lambda: watched)
    fit(model_of(), [EpochBar()])
    assert ("/3" in capsys.readouterr().out) is watched
