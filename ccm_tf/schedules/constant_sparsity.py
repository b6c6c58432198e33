"""The same share from a step on."""

from typing import Any

import keras

from ccm_tf.schedules.base import Schedule, check_share, check_steps


@keras.saving.register_keras_serializable(package="ccm_tf")
class ConstantSparsity(Schedule):
    """Asks for one sparsity, again and again.

    The schedule of the same name in tensorflow-model-optimization, with the same arguments and
    values.

    Args:
        target_sparsity: Share that is to be gone, in [0, 1).
        begin_step: First step in which to prune.
        end_step: Last one; -1 for no end. Defaults to -1.
        frequency: Steps from one pruning to the next. Defaults to 100.

    Raises:
        ValueError: If a share or a step makes no sense, or `end_step <= begin_step`.

    Example:

    ```python
    schedule = ccm_tf.schedules.ConstantSparsity(0.5, begin_step=1000)
    schedule(1000)  # (True, 0.5)
    ```
    """

    def __init__(
        self, target_sparsity: float, begin_step: int, end_step: int = -1, frequency: int = 100
    ):
        check_share("target_sparsity", target_sparsity)
        check_steps(begin_step, end_step, frequency, endless=True)
        self.target_sparsity = target_sparsity
        self.begin_step = begin_step
        self.end_step = end_step
        self.frequency = frequency

    def sparsity(self, step: Any) -> Any:
        """See `Schedule.sparsity`."""
        return self.target_sparsity
