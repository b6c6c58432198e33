"""Masks that are drawn at random until they are firm."""

from typing import Any

import numpy as np

from ccm_tf.callbacks.pressured_pruning import PressuredPruning
from ccm_tf.criteria import Criterion
from ccm_tf.gradual.pressure import ByRank
from ccm_tf.gradual.sitting_out import SittingOut


class ProbabilisticPruning(PressuredPruning):
    r"""Lets channels sit out training steps more and more often, until they are gone.

    Used as `GradualPruning` is, with the same criteria and schedules. Channel c sits out a step
    with probability $p_c$: the kernels that read it are zero in that step, and are put back after
    it as they were. Whenever pruning is due, the channels are ranked, and with r the mean rank of a
    channel so far, R of its layer's to go and A = `growth`

    $$p_c \leftarrow \min(1, \max(0, p_c + \Delta(r))), \quad \Delta(0) = A, \ \Delta(R) = 0$$

    (`ccm_tf.gradual.pressure.increments`). A channel whose p has reached 1 is masked for good;
    until then it may recover. When the schedule ends, the others stay for good, and the kernels
    that read channel c are multiplied by $1 - p_c$, what they let through on average.

    What differs from the paper: whole channels in all kernels that read them, instead of columns of
    one; any criterion, and the mean of its ranks instead of decayed sums of norms; how many go from
    each layer comes from the schedule and the criterion instead of a ratio for each layer; what
    sits out keeps its momentum, into which the gradient of that step goes.

    Weights are put back at the end of each step: callbacks that save weights in the middle of an
    epoch belong after this one in the list.

    Args:
        criterion: As for `GradualPruning`.
        schedule: As for `GradualPruning`, with an end. It has to prune often: from its begin to
            its end more than `1 / growth` times.
        data: As for `GradualPruning`.
        growth: By how much $p_c$ grows at most at a pruning, A. Defaults to 0.05.
        seed: Seed of the draws. Defaults to 0.
        **options: As for `GradualPruning`: `target`, `scope`, `exact`, `compact_every`, `dense`,
            `state` and limits.

    Raises:
        ValueError: If an argument makes no sense, or the schedule has no end.

    Example:

    ```python
    schedule = ccm_tf.schedules.ConstantSparsity(0.5, begin_step=500, end_step=2500, frequency=50)
    pruning = ccm_tf.callbacks.ProbabilisticPruning("magnitude", schedule)
    model.fit(images, labels, epochs=10, callbacks=[pruning])
    slim = ccm_tf.strip_pruning(model)
    ```

    Reference:
        H. Wang et al., "Structured Probabilistic Pruning for Convolutional Neural Network
        Acceleration", 2017, arXiv 1709.06994.
    """

    def __init__(
        self,
        criterion: str | Criterion,
        schedule: Any,
        data: Any = None,
        *,
        growth: float = 0.05,
        seed: int = 0,
        **options: Any,
    ):
        super().__init__(criterion, schedule, data, ByRank(growth), **options)
        self.seed = seed
        self._probability: np.ndarray | None = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Prunes if that is due, and draws who sits out."""
        super().on_train_batch_begin(batch, logs)
        if self._probability is not None and self._probability.any():
            self._sync()
            self._sitting_out.begin(self._drawn() < self._probability)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Puts back what sat out."""
        if self._probability is not None and self._probability.any():
            self._sync()
            self._sitting_out.end()
        super().on_train_batch_end(batch, logs)

    def _drawn(self) -> np.ndarray:
        """A number in [0, 1) for each root label.

        By step and by the channel's number in the dense model, so that a training that was resumed
        or compacted draws the same.
        """
        numbers = self.rule.arrays["number"]
        draws = np.random.default_rng((self.seed, self._step)).random(numbers.max() + 1)
        return draws[numbers]

    def _start(self) -> None:
        super()._start()
        self.rule.arrays["number"] = np.arange(len(self.pressure))

    def _attach(self) -> None:
        super()._attach()
        self._sitting_out = SittingOut(self.masks.graph)

    def _press(self, pressure: np.ndarray) -> None:
        self._probability = pressure

    def _ease(self, pressure: np.ndarray) -> None:
        self._sitting_out.scale(np.where(self.masks.alive, 1 - pressure, 1))
