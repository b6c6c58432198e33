"""Checkpoints within an epoch: every so many steps, and when the process is asked to end."""

import keras

from ccm_tf import distribute
from tasks.callbacks import FiniteLoss, Recorder
from tasks.preemption import PREEMPTION, Preempted

# With several workers, all of them have to stop after the same step, so they tell each other
# whether one was asked to: every so many steps.
_TOGETHER = 8


class StepCheckpoints(keras.callbacks.Callback):
    """Has checkpoints written within epochs, and ends the training if SIGTERM asks for it.

    Put it behind the `Recorder`. What a checkpoint is to hold must be good: weights that are not
    finite raise, and the checkpoint before stays.

    Args:
        recorder: Writes the checkpoints.
        finite: Looks at the weights first.
        every: Steps from one checkpoint to the next, counted from the beginning of an epoch; 0
            writes none but that of a process that is asked to end.
        done: Steps of the first epoch that an earlier process took. Defaults to 0.

    Raises:
        Preempted: In `fit`, after the checkpoint has been written.
    """

    def __init__(self, recorder: Recorder, finite: FiniteLoss, every: int, done: int = 0):
        super().__init__()
        self._recorder = recorder
        self._finite = finite
        self._every = every
        self._done = done
        self._taken = 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._steps = epoch, self._done + self.params["steps"]
        self._step = self._done

    def on_train_batch_end(self, batch, logs=None):
        before, self._step = self._step, self._done + batch + 1
        if self._step >= self._steps:
            # The end of the epoch writes one.
            return
        asked = self._asked(self._step - before)
        if asked or (self._every and self._step // self._every > before // self._every):
            self._finite.check_weights()
            self._recorder.save()
        if asked:
            self._stop(f"step {self._step} of {self._steps} of epoch {self._epoch + 1}")

    def on_epoch_end(self, epoch, logs=None):
        self._done = 0
        if self._asked(_TOGETHER):
            self._stop(f"epoch {epoch + 1}")

    def _asked(self, steps: int) -> bool:
        """Whether any worker was asked to end; the same answer on all."""
        strategy = distribute.current()
        if strategy.workers == 1:
            return PREEMPTION.asked
        before, self._taken = self._taken, self._taken + steps
        if self._taken // _TOGETHER == before // _TOGETHER:
            return False
        return b"1" in strategy.gather(b"1" if PREEMPTION.asked else b"0")

    def _stop(self, where: str) -> None:
        raise Preempted(f"Ended by SIGTERM after {where}. The same command goes on from there.")
