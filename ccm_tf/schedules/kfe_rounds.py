"""Rounds of equal shares, as iterative EigenDamage goes."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ccm_tf.schedules.base import Schedule, check_share


@keras.saving.register_keras_serializable(package="ccm_tf")
class KFERounds(Schedule):
    r"""A number of rounds, each of which removes the same share of what is left.

    After round k the share $1 - (1 - r)^k$ is gone; between the rounds the network recovers. This
    is how iterative EigenDamage prunes in the Kronecker-factored eigenbasis (KFE): C. Wang et al.,
    "EigenDamage: Structured Pruning in the Kronecker-Factored Eigenbasis" (2019, arXiv 1905.05934).

    Args:
        rounds: How many rounds.
        ratio: Share of the remaining channels that a round removes, in (0, 1).
        begin_step: Step of the first round. Defaults to 0.
        frequency: Steps from one round to the next. Defaults to 100.

    Raises:
        ValueError: If a number makes no sense.

    Example:

    ```python
    schedule = ccm_tf.schedules.KFERounds(rounds=6, ratio=0.3, frequency=2000)
    schedule(2000)  # (True, 0.51)
    ```
    """

    def __init__(self, rounds: int, ratio: float, begin_step: int = 0, frequency: int = 100):
        check_share("ratio", ratio)
        for name, value, least in (
            ("rounds", rounds, 1),
            ("begin_step", begin_step, 0),
            ("frequency", frequency, 1),
            ("ratio", ratio, 1e-12),
        ):
            if value < least:
                raise ValueError(f"`{name}` must be >= {least:g}. Received: {name}={value!r}.")
        self.rounds = rounds
        self.ratio = ratio
        self.begin_step = begin_step
        self.frequency = frequency
        self.end_step = begin_step + (rounds - 1) * frequency

    def sparsity(self, step: Any) -> Any:
        """See `Schedule.sparsity`."""
        number = (step - self.begin_step) // self.frequency + 1
        if isinstance(number, (int, float, np.number)):
            number = min(max(number, 0), self.rounds)
        else:
            number = ops.clip(number, 0, self.rounds)
        return 1 - (1 - self.ratio) ** number
