"""Stopping in time, where a machine is lent for some minutes."""

import time
from collections.abc import Callable

import keras


class OutOfTime(Exception):
    """Training stopped before its end; its checkpoint lets it go on."""


class Deadline:
    """When to stop.

    Args:
        minutes: From now on; `None` is never. Defaults to `None`.
        clock: Seconds since some moment.
    """

    def __init__(self, minutes: float | None = None, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._end = None if minutes is None else clock() + 60 * minutes

    def over(self, needed: float = 0.0) -> bool:
        """Whether less than `needed` seconds are left."""
        return self._end is not None and self._clock() + needed > self._end


class StopInTime(keras.callbacks.Callback):
    """Ends a training after the last epoch that leaves time for no other one.

    Args:
        deadline: When to stop.

    Attributes:
        stopped: Whether it did.
    """

    def __init__(self, deadline: Deadline):
        super().__init__()
        self.stopped = False
        self._deadline = deadline

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        if self._deadline.over(needed=time.monotonic() - self._start):
            self.model.stop_training = self.stopped = True
