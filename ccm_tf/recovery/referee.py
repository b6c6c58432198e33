"""Watches a game between student and discriminator."""

import math
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

# From this accuracy on, for so many epochs in a row, the discriminator has won outright.
_WINS = 0.99
_EPOCHS = 3


class Referee(keras.callbacks.Callback):
    """Stops at the first loss that is not a number, and says when the discriminator always wins.

    After a NaN the weights are those of the last good epoch (or of the start), so nothing that was
    learned by then is lost.

    Args:
        fixed: Variables of the model that no training changes, of which no copy is needed.
    """

    def __init__(self, fixed: Iterable[keras.Variable] = ()):
        super().__init__()
        self._fixed = {id(variable) for variable in fixed}

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._won = 0
        self._warned = False
        self._keep()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        for name in ("loss", "d"):
            value = (logs or {}).get(name)
            if value is not None and not math.isfinite(float(value)):
                self._stop(name)
                return

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self.model.stop_training:
            return
        self._keep()
        accuracy = float((logs or {}).get("d_accuracy", 0.0))
        self._won = self._won + 1 if accuracy >= _WINS else 0
        if self._won == _EPOCHS and not self._warned:
            self._warned = True
            warnings.warn(
                f"The discriminator has been right in {100 * accuracy:.1f} % of all cases for "
                f"{_EPOCHS} epochs, so the student learns little from it. Try a smaller learning "
                "rate for it (`compile(discriminator_optimizer=keras.optimizers.Adam(1e-4))`), "
                "let it rest while it wins (`Adversary(skip_below=0.2)`), or give the game less "
                "weight (`Adversary(weight=0.2)`).",
                stacklevel=2,
            )

    def _keep(self) -> None:
        values = [keras.ops.convert_to_numpy(v) for v in self._moving()]
        if all(np.all(np.isfinite(v)) for v in values if v.dtype.kind == "f"):
            self._good = values

    def _moving(self) -> list[keras.Variable]:
        return [v for v in self.model.variables if id(v) not in self._fixed]

    def _stop(self, name: str) -> None:
        what = "discriminator's loss" if name == "d" else "student's loss"
        for variable, value in zip(self._moving(), self._good, strict=True):
            variable.assign(value)
        self.model.stop_training = True
        warnings.warn(
            f"The {what} is not a number: stopped, with the weights of the last good epoch. Lower "
            "the learning rate of that player, or clip its gradients (`clipnorm=1.0`).",
            stacklevel=2,
        )
