"""The share of energy that must stay falls; how many channels that takes, the data say."""

from typing import Any

import keras

from ccm_tf.schedules.base import Schedule, check_steps, progress


@keras.saving.register_keras_serializable(package="ccm_tf")
class PCAEnergy(Schedule):
    r"""Lets the energy that the kept components must hold fall from step to step.

    $$e(t) = e_f + (e_i - e_f) \Big(1 - \frac{t - t_0}{t_1 - t_0}\Big)^p$$

    between $t_0$ = `begin_step` and $t_1$ = `end_step`. Every group of channels is cut to the
    fewest components that hold more than e(t) of the variance of what it computes at that step, so
    every layer finds a width of its own, and a training that makes channels redundant (CCM-loss)
    finds narrower ones. Made for the criterion `"pca"`; with another one the energy is the share of
    the sum of its scores. For tfmot, which knows weights only, the sparsity is 1 - e(t).

    Args:
        initial_energy: Share at the first pruning, in (0, 1].
        final_energy: Share at the last one, in (0, 1].
        begin_step: First step in which to prune.
        end_step: Last one.
        power: Exponent p. Defaults to 3.
        frequency: Steps from one pruning to the next. Defaults to 100.

    Raises:
        ValueError: If a share or a step makes no sense, `end_step <= begin_step`, or the energy
            rises.

    Example:

    ```python
    schedule = ccm_tf.schedules.PCAEnergy(0.99, 0.8, begin_step=1000, end_step=2000)
    callback = ccm_tf.callbacks.GradualPruning("pca", schedule, images)
    ```
    """

    quantity = "energy"

    def __init__(
        self,
        initial_energy: float,
        final_energy: float,
        begin_step: int,
        end_step: int,
        power: float = 3,
        frequency: int = 100,
    ):
        for name, value in (("initial_energy", initial_energy), ("final_energy", final_energy)):
            if isinstance(value, bool) or not 0 < value <= 1:
                raise ValueError(f"`{name}` must be in (0, 1]. Received: {name}={value!r}.")
        if final_energy > initial_energy:
            raise ValueError(
                "The energy must fall: removed channels do not come back. Received: "
                f"initial_energy={initial_energy!r}, final_energy={final_energy!r}."
            )
        check_steps(begin_step, end_step, frequency)
        self.initial_energy = initial_energy
        self.final_energy = final_energy
        self.begin_step = begin_step
        self.end_step = end_step
        self.power = power
        self.frequency = frequency

    def energy(self, step: Any) -> Any:
        """Share that the kept components must hold, for a number or a tensor."""
        left = (1 - progress(step, self.begin_step, self.end_step)) ** self.power
        return self.final_energy + (self.initial_energy - self.final_energy) * left

    def sparsity(self, step: Any) -> Any:
        """See `Schedule.sparsity`."""
        return 1 - self.energy(step)
