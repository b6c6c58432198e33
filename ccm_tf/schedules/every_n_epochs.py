"""So many channels every so many epochs."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ccm_tf.schedules.base import Schedule


@keras.saving.register_keras_serializable(package="ccm_tf")
class EveryNEpochs(Schedule):
    """Removes a fixed number of channels after every n-th epoch, up to some epoch.

    The schedule of gradual pruning with feature relevance scores (S. Aketi et al., "Gradual
    Channel Pruning while Training using Feature Relevance Scores for Convolutional Neural
    Networks", 2020, arXiv 2002.09958, where the arguments are n, x and N1). `GradualPruning` goes
    by the number of the epoch. As a function of the step, which is what tfmot asks for, the
    schedule has to know `steps_per_epoch` and, unless `channels` is a share, `total`.

    Args:
        every: Epochs from one pruning to the next (n).
        channels: How many channels go each time (x): an integer, or a share of all in (0, 1).
        until: Last epoch, counted from 1, after which to prune (N1).
        steps_per_epoch: Steps in an epoch. Defaults to 1: steps are epochs.
        total: Number of channels of the dense model, to turn channels into shares. Defaults to
            `None`; `GradualPruning` knows it.

    Raises:
        ValueError: If a number makes no sense, or no epoch is left to prune after.

    Example:

    ```python
    schedule = ccm_tf.schedules.EveryNEpochs(every=15, channels=160, until=150)
    schedule.epochs  # (15, 30, 45, 60, 75, 90, 105, 120, 135, 150)
    ```
    """

    quantity = "channels"
    unit = "epoch"

    def __init__(
        self,
        every: int,
        channels: int | float,
        until: int,
        steps_per_epoch: int = 1,
        total: int | None = None,
    ):
        for name, value in (("every", every), ("until", until), ("channels", channels)):
            if isinstance(value, bool) or value <= 0:
                raise ValueError(f"`{name}` must be positive. Received: {name}={value!r}.")
        if channels >= 1 and channels != int(channels):
            raise ValueError(
                "`channels` must be an integer or a share in (0, 1). "
                f"Received: channels={channels!r}."
            )
        if until < every:
            raise ValueError(
                f"No epoch up to {until} is a multiple of {every}, so nothing would be pruned. "
                f"Received: every={every!r}, until={until!r}."
            )
        if steps_per_epoch < 1:
            raise ValueError(
                f"`steps_per_epoch` must be >= 1. Received: steps_per_epoch={steps_per_epoch!r}."
            )
        self.every = every
        self.channels = channels
        self.until = until
        self.steps_per_epoch = steps_per_epoch
        self.total = total
        self.begin_step = self.frequency = every * steps_per_epoch
        self.end_step = until * steps_per_epoch

    @property
    def epochs(self) -> tuple[int, ...]:
        """The epochs, counted from 1, after which pruning is due."""
        return tuple(range(self.every, self.until + 1, self.every))

    def count(self, total: int) -> int:
        """How many of so many channels go each time."""
        return int(self.channels) if self.channels >= 1 else max(1, round(self.channels * total))

    def bind(self, total: int) -> Schedule:
        """The same schedule in epochs, with `total` if it had none."""
        total = total if self.total is None else self.total
        return type(self)(self.every, self.channels, self.until, total=total)

    def sparsity(self, step: Any) -> Any:
        """Share of all channels that is to be gone after a step.

        Raises:
            ValueError: If `channels` is a number and `total` is not known.
        """
        if self.channels >= 1 and self.total is None:
            raise ValueError(
                "As a function of the step this schedule needs the number of channels of the "
                f"dense model: `EveryNEpochs(..., total=...)`. Received: {self!r}."
            )
        share = self.channels / self.total if self.channels >= 1 else self.channels  # type: ignore[operator]
        number = step // self.frequency
        if isinstance(number, (int, float, np.number)):
            return min(min(number, len(self.epochs)) * share, 1.0)
        return ops.minimum(ops.minimum(number, len(self.epochs)) * share, 1.0)
