"""What happens at the end of an epoch: a line, a record, a checkpoint."""

import json
import math
import pathlib
import time
from typing import Any

import keras

from ccm_tf import distribute
from ccm_tf.files import atomic_path, write_json
from tasks import progress


class FiniteLoss(keras.callbacks.Callback):
    """Stops a training whose loss is no longer a number.

    Args:
        advice: Added to the error: what is kept and what to try.

    Raises:
        FloatingPointError: In `fit`, when the loss or a weight is NaN or infinite.
    """

    # Looking at the loss waits for the device, so it is not done at every step.
    _EVERY = 20

    def __init__(self, advice: str):
        super().__init__()
        self.advice = advice
        self._epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if batch % self._EVERY == 0:
            self._check("loss", (logs or {}).get("loss", 0.0))

    def on_epoch_end(self, epoch, logs=None):
        self._check("loss", (logs or {}).get("loss", 0.0))
        self.check_weights()

    def check_weights(self) -> None:
        """Raises if a weight is not finite: the last step may have ruined it, and no loss shows."""
        for variable in self.model.trainable_variables:
            total = keras.ops.convert_to_numpy(keras.ops.sum(keras.ops.abs(variable)))
            self._check(f"sum of '{variable.path}'", total)

    def _check(self, name: str, value: Any) -> None:
        if not math.isfinite(float(value)):
            raise FloatingPointError(
                f"The {name} became {float(value)} in epoch {self._epoch + 1}. {self.advice}"
            )


class EpochBar(keras.callbacks.Callback):
    """A progress bar per epoch with the few numbers that matter."""

    def on_epoch_begin(self, epoch, logs=None):
        self._bar = None
        if progress.interactive() and self.params["steps"]:
            names = ["loss", "accuracy", "S"]
            self._bar = keras.utils.Progbar(self.params["steps"], stateful_metrics=names)

    def on_train_batch_end(self, batch, logs=None):
        if self._bar is not None:
            self._bar.update(batch + 1, list(_headline(logs or {}).items()), finalize=False)

    def on_epoch_end(self, epoch, logs=None):
        if self._bar is not None:
            print("\r\x1b[K", end="")


class Recorder(keras.callbacks.Callback):
    """Writes one line and one checkpoint per epoch, so that a killed run goes on from there.

    The history is written before the checkpoint. A run that is killed between the two has one
    record too many, which `resumed` cuts off; it never has a checkpoint without its record.

    Args:
        checkpoint: `.keras` file for the model with its optimizer.
        history: JSON file for one record per epoch.
        records: Records of the epochs that an earlier process finished.
        schedule: The learning-rate schedule.
        done: Steps of the first epoch that an earlier process took: its record is of the others
            alone, and says so. Defaults to 0.
    """

    def __init__(
        self,
        checkpoint: pathlib.Path,
        history: pathlib.Path,
        records: list,
        schedule,
        done: int = 0,
    ):
        super().__init__()
        self.checkpoint = checkpoint
        self.history = history
        self.records = records
        self.schedule = schedule
        self.done = done

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        record = self._record(epoch, {k: float(v) for k, v in (logs or {}).items()})
        self.records.append(record)
        print(line(record, self.params["epochs"]), flush=True)
        write_json(self.history, self.records)
        self.save()
        self.done = 0

    def save(self) -> None:
        """Writes the checkpoint of the model as it is; several workers must hold the same.

        Raises:
            RuntimeError: On all workers, if one holds another. The checkpoint before stays.
        """
        _check_workers(self.model)
        with atomic_path(self.checkpoint) as temporary:
            self.model.save(temporary)

    def _record(self, epoch: int, logs: dict[str, float]) -> dict[str, Any]:
        step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations)) - 1
        rate = float(keras.ops.convert_to_numpy(self.schedule(step)))
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        record: dict[str, Any] = {"epoch": epoch + 1}
        if self.done:
            record["from_step"] = self.done
        record |= {name: logs[name] for name in names if name in logs}
        if "ccm" in logs:
            own = {k.removeprefix("ccm/"): v for k, v in logs.items() if k.startswith("ccm/")}
            record |= {"S": logs["ccm"], "S_of": own}
        return record | {"learning_rate": rate, "seconds": time.perf_counter() - self._start}


def _check_workers(model: keras.Model) -> None:
    strategy = distribute.current()
    if strategy.workers == 1:
        return
    try:
        distribute.check_same_model(model, strategy)
    except RuntimeError as error:
        raise RuntimeError(
            f"{error} It may be that their sums went wrong on the way. Nothing of it was written: "
            "the same command goes on from the checkpoint before."
        ) from error


def resumed(checkpoint: pathlib.Path, history: pathlib.Path, steps_per_epoch: int):
    """The model and the records of a killed training.

    Args:
        checkpoint: The file that a `Recorder` wrote.
        history: The other one.
        steps_per_epoch: Optimizer steps per epoch.

    Returns:
        The model with its optimizer, one record per finished epoch, and how many steps of the
        next epoch are done.
    """
    model = keras.saving.load_model(checkpoint)
    steps = int(keras.ops.convert_to_numpy(model.optimizer.iterations))
    epochs, done = divmod(steps, steps_per_epoch)
    # Within the first epoch nothing has been recorded yet.
    records = json.loads(history.read_text(encoding="utf-8")) if epochs else []
    return model, records[:epochs], done


def line(record: dict[str, Any], epochs: int) -> str:
    """One epoch in one line."""
    parts = [f"epoch {record['epoch']:>{len(str(epochs))}}/{epochs}", f"loss {record['loss']:7.4f}"]
    parts.append(f"accuracy {record['accuracy']:6.2%}")
    if "val_accuracy" in record:
        parts.append(f"validation {record['val_accuracy']:6.2%}")
    if "S" in record:
        parts.append(f"S {record['S']:.3f}")
    return "  ".join([*parts, f"lr {record['learning_rate']:.2e}", f"{record['seconds']:.1f} s"])


def _headline(logs: dict[str, Any]) -> dict[str, Any]:
    shown = {"loss": "loss", "accuracy": "accuracy", "ccm": "S"}
    return {title: logs[name] for name, title in shown.items() if name in logs}
