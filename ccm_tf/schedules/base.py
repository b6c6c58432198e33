"""What a schedule is: when to prune, and how far."""

import abc
import functools
import inspect
import sys
from typing import Any

import keras
import numpy as np
from keras import ops

_TFMOT = "tensorflow_model_optimization"


class Schedule(abc.ABC):
    """When to prune, and how far: a function of the training step.

    `schedule(step)` returns `(should_prune, sparsity)` as tfmot's `PruningSchedule` does: whether
    pruning is due in this step, and the share that is to be gone. For a Python number it returns a
    `bool` and a `float`, for tensors and variables two tensors, also inside compiled functions.

    Schedules never import tensorflow-model-optimization. Once your program has imported it, the
    schedules made from then on are instances of its `PruningSchedule` too; those made before are
    taken by its functions all the same.

    Subclasses keep constructor arguments as attributes of the same name and implement `sparsity`.

    Attributes:
        begin_step: First step in which pruning may be due.
        end_step: Last one; -1 for no end.
        frequency: Pruning is due every so many steps, counted from `begin_step`.
        quantity: What the schedule is about: `"sparsity"`, `"energy"` or `"channels"`.
        unit: What it counts: `"step"` or `"epoch"`.
    """

    begin_step: int
    end_step: int
    frequency: int
    quantity: str = "sparsity"
    unit: str = "step"

    def __new__(cls, *args: Any, **kwargs: Any) -> "Schedule":
        return object.__new__(_with_tfmot(cls))

    @abc.abstractmethod
    def sparsity(self, step: Any) -> Any:
        """Share that is to be gone, for a number or a tensor of numbers."""

    def __call__(self, step: Any) -> tuple[Any, Any]:
        """Whether pruning is due in a step, and the share that is to be gone."""
        if isinstance(step, (int, float, np.integer, np.floating)):
            return bool(self.due(step)), float(self.sparsity(step))
        step = ops.convert_to_tensor(step)
        sparsity = ops.cast(self.sparsity(ops.cast(step, "float32")), "float32")
        return self.due(step), sparsity

    def due(self, step: Any) -> Any:
        """Whether pruning is due in a step, for a number or a tensor."""
        turn = (step >= self.begin_step) & ((step - self.begin_step) % self.frequency == 0)
        return turn if self.end_step < 0 else turn & (step <= self.end_step)

    @property
    def last_step(self) -> int | None:
        """The last step in which pruning is due, `None` without an end."""
        if self.end_step < 0:
            return None
        return self.end_step - (self.end_step - self.begin_step) % self.frequency

    def bind(self, total: int) -> "Schedule":
        """The schedule for a model with so many channels; only some schedules need to know."""
        return self

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, flat and JSON-able."""
        names = inspect.signature(type(self).__init__).parameters
        return {name: getattr(self, name) for name in names if name != "self"}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Schedule":
        """A schedule from what `get_config` returned, here or in tfmot."""
        if set(config) == {"class_name", "config"}:
            config = config["config"]
        return cls(**config)

    def __eq__(self, other: Any) -> bool:
        return (
            isinstance(other, Schedule)
            and type(self).__name__ == type(other).__name__
            and self.get_config() == other.get_config()
        )

    def __hash__(self) -> int:
        return hash((type(self).__name__, tuple(self.get_config().items())))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{key}={value!r}" for key, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def progress(step: Any, begin: int, end: int) -> Any:
    """How far a step lies between two others, clipped to [0, 1]."""
    share = (step - begin) / (end - begin)
    if isinstance(share, (float, np.floating)):
        return min(1.0, max(0.0, share))
    return ops.clip(share, 0.0, 1.0)


def check_steps(begin_step: int, end_step: int, frequency: int, endless: bool = False) -> None:
    """Raises a `ValueError` unless steps make a schedule.

    Args:
        begin_step: First step.
        end_step: Last step; -1 for none.
        frequency: Steps from one pruning to the next.
        endless: Whether the schedule may do without an end.
    """
    if begin_step < 0:
        raise ValueError(f"`begin_step` must be >= 0. Received: begin_step={begin_step!r}.")
    if end_step < 0 and not (endless and end_step == -1):
        expected = "-1 (no end) or >= 0" if endless else ">= 0; this schedule needs an end"
        raise ValueError(f"`end_step` must be {expected}. Received: end_step={end_step!r}.")
    if 0 <= end_step <= begin_step:
        raise ValueError(
            f"`end_step` must lie after `begin_step`. Received: begin_step={begin_step!r}, "
            f"end_step={end_step!r}. (To prune once, set `end_step=begin_step + 1`.)"
        )
    if frequency < 1:
        raise ValueError(f"`frequency` must be >= 1. Received: frequency={frequency!r}.")


def check_share(name: str, value: float) -> None:
    """Raises a `ValueError` unless a share is in [0, 1)."""
    if isinstance(value, bool) or not 0 <= value < 1:
        raise ValueError(f"`{name}` must be in [0, 1). Received: {name}={value!r}.")


def _with_tfmot(cls: type) -> type:
    """The class itself; where tfmot is loaded, its twin that derives from `PruningSchedule` too."""
    sparsity = getattr(sys.modules.get(_TFMOT), "sparsity", None)
    base = getattr(getattr(sparsity, "keras", None), "PruningSchedule", None)
    return cls if base is None or issubclass(cls, base) else _twin(cls, base)


@functools.cache
def _twin(cls: type, base: type) -> type:
    names = {"__doc__": cls.__doc__, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
    twin = type(cls.__name__, (cls, base), names)
    registered = keras.saving.get_registered_name(cls)
    if ">" in registered:
        # Serialised under the same name, so that files do not say whether tfmot was there.
        package, name = registered.split(">")
        keras.saving.register_keras_serializable(package, name)(twin)
    return twin
