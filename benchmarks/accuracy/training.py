"""Training that can be stopped at any moment and goes on from its last whole epoch."""

import json
import pathlib
import time
from collections.abc import Sequence

import keras
import numpy as np

from benchmarks.accuracy.deadline import Deadline, OutOfTime, StopInTime
from benchmarks.accuracy.on_device import DeviceBatches
from ccm_tf.files import atomic_path
from tasks.batches import Batches, EpochSetter
from tasks.learning_rates import OneCycle, WarmupCosine


def add_l2(model: keras.Model, factor: float) -> None:
    """Adds `factor * sum(w^2)` of every trainable variable to the model's loss.

    The regularizers sit on the variables, not in the layers' configs, so a saved model is free of
    them.
    """
    if factor:
        for variable in model.trainable_variables:
            variable.regularizer = keras.regularizers.L2(factor)


def jit_compile() -> bool | str:
    """What to pass to `compile`: XLA's convolutions on a CPU are far slower than oneDNN's."""
    return False if keras.backend.backend() == "tensorflow" else "auto"


def _one_cycle(recipe, steps):
    return OneCycle(recipe["learning_rate"], steps)


def _warmup_cosine(recipe, steps):
    epochs = recipe["epochs"]
    # Five epochs of warm-up, unless a shortened run has no more than that.
    return WarmupCosine(recipe["learning_rate"], steps // epochs, epochs, min(5, epochs - 1))


def _two_drops(recipe, steps):
    """A tenth from the middle on, a hundredth in the last quarter."""
    rates = [recipe["learning_rate"] * share for share in (1.0, 0.1, 0.01)]
    return keras.optimizers.schedules.PiecewiseConstantDecay([steps // 2, 3 * steps // 4], rates)


# By a recipe's `schedule`; one that names none has one cycle.
_SCHEDULES = {"one_cycle": _one_cycle, "warmup_cosine": _warmup_cosine, "two_drops": _two_drops}


def compile_for(model: keras.Model, recipe: dict, steps: int) -> None:
    """Compiles with SGD and the recipe's schedule over `steps` steps, for logits."""
    schedule = _SCHEDULES[recipe.get("schedule", "one_cycle")](recipe, steps)
    model.compile(
        keras.optimizers.SGD(schedule, momentum=recipe["momentum"]),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=jit_compile(),
    )


def fit_epochs(
    model: keras.Model,
    data: Batches | DeviceBatches,
    recipe: dict,
    checkpoint,
    deadline: Deadline | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> list[dict]:
    """Trains for the recipe's epochs, less those that the checkpoint already holds.

    Args:
        model: The model to train, losses included.
        data: Training data, seeded.
        recipe: `epochs`, `learning_rate`, `momentum`.
        checkpoint: Path of the checkpoint, written after every epoch.
        deadline: When to stop. Defaults to `None`: never.
        callbacks: More callbacks for `fit`; they come before the checkpoint is written.

    Returns:
        One dict per epoch: what `fit` logged, and its seconds.

    Raises:
        OutOfTime: If the deadline came first. The same call goes on from the checkpoint.
        ValueError: If the loss is not a number.
    """
    in_time = StopInTime(deadline or Deadline())
    batches = data.batches if isinstance(data, DeviceBatches) else data
    compile_for(model, recipe, len(batches) * recipe["epochs"])
    model.optimizer.build(model.trainable_variables)
    saver = EpochCheckpoint(checkpoint)
    saver.restore(model)
    # `fit` fetches a batch to build the model before it tells any callback about the epoch.
    batches.epoch = len(saver.log)
    if len(saver.log) < recipe["epochs"]:
        model.fit(
            data,
            epochs=recipe["epochs"],
            initial_epoch=len(saver.log),
            # The batches shuffle themselves, the same way in a resumed run.
            shuffle=False,
            callbacks=[
                EpochSetter(batches),
                *callbacks,
                saver,
                keras.callbacks.TerminateOnNaN(),
                in_time,
            ],
            verbose=2,
        )
    if len(saver.log) < recipe["epochs"] and in_time.stopped:
        raise OutOfTime(f"Stopped after {len(saver.log)} of {recipe['epochs']} epochs.")
    if len(saver.log) < recipe["epochs"]:
        raise ValueError(
            f"The training stopped after {len(saver.log)} of {recipe['epochs']} epochs: the loss "
            "is not a number. Its last good state is kept; lower the learning rate or the weight."
        )
    return saver.log


def fit_steps(model: keras.Model, batches: Batches, recipe: dict) -> dict:
    """Trains for the recipe's `steps` optimizer steps and returns what `fit` logged."""
    compile_for(model, recipe, recipe["steps"])
    history = model.fit(FixedSteps(batches, recipe["steps"]), epochs=1, shuffle=False, verbose=2)
    return {name: float(values[-1]) for name, values in history.history.items()}


class FixedSteps(keras.utils.PyDataset):
    """A number of batches regardless of where an epoch ends."""

    def __init__(self, batches: Batches, steps: int):
        super().__init__()
        self.batches = batches
        self.steps = steps

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        self.batches.epoch, index = divmod(index, len(self.batches))
        return self.batches[index]


class EpochCheckpoint(keras.callbacks.Callback):
    """Saves variables, optimizer and log after every epoch in one file, whole or not at all.

    Args:
        path: An `.npz` file; its folder must exist.

    Attributes:
        log: One dict per finished epoch.
    """

    def __init__(self, path):
        super().__init__()
        self.path = pathlib.Path(path)
        self.log: list[dict] = []
        self._start = 0.0

    def restore(self, model: keras.Model) -> None:
        """Puts the saved state into the model and its built optimizer, if there is one."""
        if not self.path.exists():
            return
        with np.load(self.path, allow_pickle=False) as saved:
            for name, variable in _state(model).items():
                variable.assign(saved[name])
            self.log = json.loads(str(saved["log"]))

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        values = {name: float(value) for name, value in (logs or {}).items()}
        if not np.all(np.isfinite(list(values.values()))):
            return
        self.log.append({**values, "seconds": time.perf_counter() - self._start})
        arrays = {name: np.asarray(v) for name, v in _state(self.model).items()}
        with atomic_path(self.path) as temporary:
            np.savez(temporary, log=np.array(json.dumps(self.log)), **arrays)


def _state(model: keras.Model) -> dict[str, keras.Variable]:
    state = {f"model{i}": v for i, v in enumerate(model.variables)}
    state.update((f"optimizer{i}", v) for i, v in enumerate(model.optimizer.variables))
    return state
