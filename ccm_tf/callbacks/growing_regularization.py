"""Growing L2 on the channels that are to go."""

from typing import Any

import keras
import numpy as np

from ccm_tf.callbacks.pressured_pruning import PressuredPruning
from ccm_tf.criteria import Criterion
from ccm_tf.gradual.constraint import ChannelDecay
from ccm_tf.gradual.pressure import ByRank, Chosen, Rule
from ccm_tf.replicas import scope_of

RULES = ("chosen", "ranks")


class GrowingRegularization(PressuredPruning):
    r"""Shrinks channels by an L2 penalty that grows until they are gone.

    Used as `GradualPruning` is, with the same criteria and schedules. But what is to go is not
    masked at once: whenever pruning is due, the penalty on it grows, so that the network can move
    what it needs to other channels. After every update of the optimizer the weights of channel c
    shrink by

    $$w \leftarrow \frac{w}{1 + \eta \lambda_c}, \quad \lambda_c = \text{ceiling} \cdot p_c$$

    with the learning rate $\eta$, and $p_c$ rising from 0 to 1. At 1 the channel is masked. The
    other channels train as they always do.

    With `rule="chosen"` (GReg) the criterion chooses channels when the schedule asks for more than
    is on its way, and $p_c$ grows by `growth` at each pruning. `pick_after=k` lets it grow on all
    channels k times before the first are chosen (GReg-2): those that resist a growing penalty
    matter, as their curvature is large. With `rule="ranks"` (IncReg) all channels are ranked anew
    at each pruning and the pressure rises on the last and falls on the others, by their mean rank
    so far, so that a channel may recover.

    What differs from the papers: whole channels with all their weights, also those of batch
    normalisation and of the kernels that read them, instead of single kernels, so that the scale of
    the next normalisation cannot make up for it; the penalty's step is taken apart from the
    gradient's, as in decoupled weight decay, so that it is the same for all optimizers; any
    criterion, not only the L1 norm; no epochs to settle between the end of the penalty and removal.

    Args:
        criterion: As for `GradualPruning`.
        schedule: As for `GradualPruning`, with an end. It has to prune often: from its begin to
            its end at least `1 / growth` times. For GReg `ConstantSparsity(sparsity, begin, end)`.
        data: As for `GradualPruning`.
        rule: `"chosen"` or `"ranks"`. Defaults to `"chosen"`.
        growth: By how much $p_c$ grows at most at a pruning. Defaults to 0.05.
        ceiling: Penalty under which a channel counts as gone. Defaults to 1.0.
        pick_after: Prunings before any channel is chosen, for `rule="chosen"`. Defaults to 0.
        **options: As for `GradualPruning`: `target`, `scope`, `exact`, `compact_every`, `dense`,
            `state` and limits.

    Raises:
        ValueError: If an argument makes no sense, or the schedule has no end.

    Example:

    ```python
    schedule = ccm_tf.schedules.ConstantSparsity(0.5, begin_step=500, end_step=2500, frequency=50)
    pruning = ccm_tf.callbacks.GrowingRegularization("magnitude", schedule)
    model.fit(images, labels, epochs=10, callbacks=[pruning])
    slim = ccm_tf.strip_pruning(model)
    ```

    References:
        H. Wang et al., "Neural Pruning via Growing Regularization", 2021, arXiv 2012.09243 (GReg).
        H. Wang et al., "Structured Pruning for Efficient ConvNets via Incremental Regularization",
        2018, arXiv 1804.09461 (IncReg).
    """

    def __init__(
        self,
        criterion: str | Criterion,
        schedule: Any,
        data: Any = None,
        *,
        rule: str = "chosen",
        growth: float = 0.05,
        ceiling: float = 1.0,
        pick_after: int = 0,
        **options: Any,
    ):
        if rule not in RULES:
            raise ValueError(f"`rule` must be one of {RULES}. Received: rule={rule!r}.")
        if rule != "chosen" and pick_after:
            raise ValueError(
                "Only with `rule='chosen'` are channels chosen, so that there is something to put "
                f"off. Received: rule={rule!r}, pick_after={pick_after!r}."
            )
        if not ceiling > 0:
            raise ValueError(f"`ceiling` must be positive. Received: ceiling={ceiling!r}.")
        grows: Rule = Chosen(growth, pick_after) if rule == "chosen" else ByRank(growth)
        super().__init__(criterion, schedule, data, grows, **options)
        self.ceiling = ceiling
        self._penalty: keras.Variable | None = None

    @property
    def penalty(self) -> np.ndarray:
        """The penalty on each channel now, over root labels."""
        return keras.ops.convert_to_numpy(self._penalty)

    def _attach(self) -> None:
        super()._attach()
        masks = self.masks
        with scope_of(self.model):
            self._penalty = keras.Variable(
                np.zeros(len(masks.alive), "float32"), trainable=False, name="channel_penalty"
            )
        optimizer = self.model.optimizer
        masks.constrain(lambda axes, inner: ChannelDecay(self._penalty, optimizer, axes, inner))

    def _press(self, pressure: np.ndarray) -> None:
        self._penalty.assign(self.ceiling * pressure)  # type: ignore[union-attr]

    def _in_force(self) -> np.ndarray:
        return np.stack([self.masks.alive, self.penalty])
