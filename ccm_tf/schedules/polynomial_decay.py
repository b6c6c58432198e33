"""Fast at first, slower and slower towards the end."""

from typing import Any

import keras

from ccm_tf.schedules.base import Schedule, check_share, check_steps, progress


@keras.saving.register_keras_serializable(package="ccm_tf")
class PolynomialDecay(Schedule):
    r"""Lets the sparsity grow fast at first, while there is much to remove, then ever slower.

    $$s(t) = s_f + (s_i - s_f) \Big(1 - \frac{t - t_0}{t_1 - t_0}\Big)^p$$

    between $t_0$ = `begin_step` and $t_1$ = `end_step`, and the value at the nearer end outside.
    The schedule of the same name in tensorflow-model-optimization, with the same arguments and
    values. M. Zhu and S. Gupta, "To prune, or not to prune: exploring the efficacy of pruning for
    model compression" (2017, arXiv 1710.01878).

    Args:
        initial_sparsity: Share that is to be gone at the first pruning, in [0, 1).
        final_sparsity: Share that is to be gone at the last one, in [0, 1).
        begin_step: First step in which to prune.
        end_step: Last one.
        power: Exponent p. Defaults to 3.
        frequency: Steps from one pruning to the next. Defaults to 100.

    Raises:
        ValueError: If a share or a step makes no sense, or `end_step <= begin_step`.

    Example:

    ```python
    schedule = ccm_tf.schedules.PolynomialDecay(0.2, 0.8, begin_step=1000, end_step=2000)
    schedule(1500)  # (True, 0.725)
    ```
    """

    def __init__(
        self,
        initial_sparsity: float,
        final_sparsity: float,
        begin_step: int,
        end_step: int,
        power: float = 3,
        frequency: int = 100,
    ):
        check_share("initial_sparsity", initial_sparsity)
        check_share("final_sparsity", final_sparsity)
        check_steps(begin_step, end_step, frequency)
        self.initial_sparsity = initial_sparsity
        self.final_sparsity = final_sparsity
        self.begin_step = begin_step
        self.end_step = end_step
        self.power = power
        self.frequency = frequency

    def sparsity(self, step: Any) -> Any:
        """See `Schedule.sparsity`."""
        left = (1 - progress(step, self.begin_step, self.end_step)) ** self.power
        return self.final_sparsity + (self.initial_sparsity - self.final_sparsity) * left
