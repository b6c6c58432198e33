"""Learning-rate schedules of the reference runs and of short runs."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ccm_tf")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up per step, then a cosine that is constant within an epoch.

    With e the epoch, i the step within it, N steps per epoch, E epochs and W warm-up epochs:

    ```
    c(e)     = base * (1 + cos(pi * (e - W) / (E - W))) / 2
    lr(e, i) = c(e) * (1 + i + e * N) / (W * N)    while e < W
               c(e)                                 afterwards
    ```

    This is the schedule of the CCM reference runs ("Filter Pruning For CNN With Enhanced Linear
    Representation Redundancy", arXiv 2310.06344), which evaluate the cosine during the warm-up
    too.

    Args:
        base: Learning rate at the end of the warm-up, positive.
        steps_per_epoch: Optimizer steps per epoch, N.
        epochs: Epochs of the whole run, E.
        warmup_epochs: Epochs of warm-up, W, fewer than `epochs`. Defaults to 5.

    Raises:
        ValueError: If a number is out of range.

    Example:

    ```python
    schedule = WarmupCosine(0.01, steps_per_epoch=196, epochs=400)
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9)
    ```
    """

    def __init__(self, base: float, steps_per_epoch: int, epochs: int, warmup_epochs: int = 5):
        _check_positive(base=base, steps_per_epoch=steps_per_epoch, epochs=epochs)
        if not 0 <= warmup_epochs < epochs:
            raise ValueError(
                "Argument `warmup_epochs` must be at least 0 and less than `epochs`. Received: "
                f"warmup_epochs={warmup_epochs}, epochs={epochs}"
            )
        self.base = base
        self.steps_per_epoch = steps_per_epoch
        self.epochs = epochs
        self.warmup_epochs = warmup_epochs

    def __call__(self, step):
        step = ops.cast(step, "int32")
        epoch = ops.cast(step // self.steps_per_epoch, "float32")
        # (1 + cos x) / 2 = sin²((pi - x) / 2): the right side keeps its digits near zero.
        angle = 0.5 * math.pi * (self.epochs - epoch) / (self.epochs - self.warmup_epochs)
        cosine = self.base * ops.square(ops.sin(angle))
        if not self.warmup_epochs:
            return cosine
        share = (1.0 + ops.cast(step, "float32")) / (self.warmup_epochs * self.steps_per_epoch)
        return ops.where(epoch < self.warmup_epochs, cosine * share, cosine)

    def get_config(self):
        return {
            "base": self.base,
            "steps_per_epoch": self.steps_per_epoch,
            "epochs": self.epochs,
            "warmup_epochs": self.warmup_epochs,
        }


@keras.saving.register_keras_serializable(package="ccm_tf")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Cosine up to a peak, then cosine down to almost nothing, step by step.

    Short runs reach more with it than with a schedule made for hundreds of epochs (Smith and
    Topin, "Super-Convergence", arXiv 1708.07120).

    Args:
        peak: Highest learning rate, positive.
        steps: Optimizer steps of the whole run.
        rise: Share of the steps before the peak, between 0 and 1. Defaults to 0.3.
        start: First learning rate as a share of the peak. Defaults to 0.04.
        end: Last learning rate as a share of the peak. Defaults to 1e-4.

    Raises:
        ValueError: If a number is out of range.

    Example:

    ```python
    schedule = OneCycle(0.1, steps=196 * 30)
    ```
    """

    def __init__(
        self, peak: float, steps: int, rise: float = 0.3, start: float = 0.04, end: float = 1e-4
    ):
        _check_positive(peak=peak, steps=steps)
        for name, value in (("rise", rise), ("start", start), ("end", end)):
            if not 0 <= value < 1:
                raise ValueError(f"Argument `{name}` must be in [0, 1). Received: {name}={value}")
        self.peak = peak
        self.steps = steps
        self.rise = rise
        self.start = start
        self.end = end

    def __call__(self, step):
        step = ops.cast(step, "float32")
        top = self.rise * self.steps
        up = self._between(self.start, 1.0, step / max(top, 1e-9))
        down = self._between(1.0, self.end, (step - top) / (self.steps - top))
        return self.peak * ops.where(step < top, up, down)

    @staticmethod
    def _between(first, last, share):
        share = ops.clip(share, 0.0, 1.0)
        return first + (last - first) * ops.square(ops.sin(0.5 * math.pi * share))

    def get_config(self):
        return {
            "peak": self.peak,
            "steps": self.steps,
            "rise": self.rise,
            "start": self.start,
            "end": self.end,
        }


def _check_positive(**values):
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"Argument `{name}` must be positive. Received: {name}={value}")


def _steps(
    rate: float, steps_per_epoch: int, epochs: int, warmup_epochs: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """A tenth of the rate after half of the epochs, a hundredth after three quarters."""
    total = steps_per_epoch * epochs
    return keras.optimizers.schedules.PiecewiseConstantDecay(
        [total // 2, 3 * total // 4], [rate, rate / 10, rate / 100]
    )


_MAKERS = {
    "warmup_cosine": WarmupCosine,
    "one_cycle": lambda rate, steps, epochs, warmup: OneCycle(rate, steps * epochs),
    "steps": _steps,
}
SCHEDULES = tuple(_MAKERS)


def make_schedule(
    name: str, rate: float, steps_per_epoch: int, epochs: int, warmup_epochs: int = 5
) -> keras.optimizers.schedules.LearningRateSchedule:
    """A schedule by name for a whole run.

    Args:
        name: "warmup_cosine", "one_cycle", or "steps": a tenth of the rate after half of the
            epochs and a hundredth after three quarters, as EigenDamage trains.
        rate: Highest learning rate.
        steps_per_epoch: Optimizer steps per epoch.
        epochs: Epochs of the run.
        warmup_epochs: Epochs of warm-up in "warmup_cosine". Defaults to 5.

    Raises:
        ValueError: If the name is unknown or a number is out of range.
    """
    if name not in _MAKERS:
        raise ValueError(f"Unknown schedule. Expected one of {SCHEDULES}. Received: name={name!r}")
    return _MAKERS[name](rate, steps_per_epoch, epochs, warmup_epochs)
