"""Pruning along the flat directions of the loss."""

from typing import Any

import keras
import numpy as np

from ccm_tf.callbacks.gradual_pruning import GradualPruning
from ccm_tf.criteria import Criterion
from ccm_tf.criteria.reduction import ranked
from ccm_tf.gradual import checks
from ccm_tf.gradual.choice import enough, lowest_first
from ccm_tf.gradual.threshold import channel_sizes, scale_channels, shrunken, threshold
from ccm_tf.gradual.view import View
from ccm_tf.graph import ChannelGraph


class DirectionalPruning(GradualPruning):
    r"""Pulls all channels towards zero along the flat minimum, and removes those that give in.

    Used as `GradualPruning` is. But which channels go is not a criterion's choice: a soft threshold
    on the size $s_c$ of every channel (the root mean square of its weights) rises slowly,

    $$w \leftarrow w \max\Big(0, 1 - \frac{\Delta g}{s_c}\Big), \quad
    g(n, \gamma) = c \, \gamma^{1/2 + \mu} n^{\mu}$$

    with n steps since the schedule's begin, the learning rate $\gamma$, and $\Delta g$ what g has
    gained since the last pruning. Where the loss is flat nothing resists the pull; where it is
    steep, the gradient undoes it. With a small learning rate and this threshold, weights move from
    the minimum that SGD finds by a perturbation projected onto the flat directions there, without
    anyone computing a Hessian. Channels that reach zero are masked.

    The schedule is a limit: no more channels go than it asks for by then, and once it is met
    nothing is pulled. What is still missing at its last pruning is the criterion's choice, so that
    the model ends where the schedule says.

    What differs from the papers: gRDA adds up gradients from the beginning and thresholds the sum.
    For a single weight that is not zero this is the same as thresholding the weight by $\Delta g$,
    as is done here, with whatever optimizer; for a channel it is the same along its direction. A
    weight that has reached zero could come back there, and does not here. The groups are whole
    channels with all their weights, whose sizes do not grow with the number of weights. g is raised
    at each pruning, not at every step.

    Args:
        criterion: Chooses what the threshold has not taken by the end, as for `GradualPruning`.
        schedule: As for `GradualPruning`, with an end; of sparsity or of channels.
        data: As for `GradualPruning`.
        strength: c. Defaults to 0.005.
        power: $\mu$, in (0.5, 1): how fast the threshold grows. Defaults to 0.6.
        **options: As for `GradualPruning`: `target`, `scope`, `exact`, `compact_every`, `dense` and
            limits.

    Attributes:
        taken: How many channels the threshold has taken.

    Raises:
        ValueError: If an argument makes no sense, or the schedule has no end.

    Example:

    ```python
    schedule = ccm_tf.schedules.ConstantSparsity(0.5, begin_step=500, end_step=2500, frequency=50)
    pruning = ccm_tf.callbacks.DirectionalPruning("magnitude", schedule)
    model.fit(images, labels, epochs=10, callbacks=[pruning])
    slim = ccm_tf.strip_pruning(model)
    ```

    References:
        S.-K. Chao et al., "Directional Pruning of Deep Neural Networks", 2020, arXiv 2006.09358
        (gRDA). For groups of weights: Y. Li et al., "Structured Directional Pruning via
        Perturbation Orthogonal Projection", 2021, arXiv 2107.05328 (sDprun).
    """

    def __init__(
        self,
        criterion: str | Criterion,
        schedule: Any,
        data: Any = None,
        *,
        strength: float = 0.005,
        power: float = 0.6,
        **options: Any,
    ):
        if options.get("regrow"):
            raise ValueError("A channel that has reached zero stays there. Leave out `regrow`.")
        if not strength > 0:
            raise ValueError(f"`strength` must be positive. Received: strength={strength!r}.")
        if not 0.5 < power < 1:
            raise ValueError(f"`power` must be in (0.5, 1). Received: power={power!r}.")
        super().__init__(criterion, schedule, data, **options)
        checks.need_end(schedule)
        self.strength = strength
        self.power = power
        self.taken = 0

    def _leave(self, number: int) -> None:
        masks, schedule = self.masks, self.schedule
        if checks.is_last(schedule, number):
            super()._leave(number)
        elif not enough(masks.graph, masks.alive, schedule, number, self._aim):
            self._pull(number, self._gain(number))

    def _pull(self, number: int, by: float) -> None:
        """Applies the threshold to all channels that may be removed."""
        masks = self.masks
        view = View(masks.graph, masks.alive)
        sizes = channel_sizes(view.graph)
        factors = self._factors(view.graph, sizes, by)
        dying = factors == 0
        kept = self._survivors(number, view.graph, sizes, dying)
        # Who gives in but may not go is left as it is.
        factors[dying] = 1
        everywhere = np.ones(len(masks.alive))
        known = view.origins >= 0
        everywhere[view.origins[known]] = factors[known]
        scale_channels(masks.graph, everywhere)
        masks.set(view.back(kept))

    def _factors(self, graph: ChannelGraph, sizes: np.ndarray, by: float) -> np.ndarray:
        """What the threshold makes of each channel, over root labels."""
        factors = np.ones(len(sizes))
        for group in graph.groups:
            factors[group.roots] = shrunken(sizes[group.roots], by)
        factors[self._aim.limits.protected(graph)] = 1
        return factors

    def _survivors(
        self, number: int, graph: ChannelGraph, sizes: np.ndarray, dying: np.ndarray
    ) -> np.ndarray:
        """All but the dying that schedule and limits let go, over root labels."""
        rankings = {}
        for group in graph.groups:
            roots = group.roots[dying[group.roots]]
            if len(roots):
                rankings[group.index] = ranked(roots, sizes[roots])
        kept = graph.all_kept()
        for root in lowest_first(graph, rankings, self._aim.limits):
            if enough(graph, kept, self.schedule, number, self._aim):
                break
            kept[root] = False
            self.taken += 1
        return kept

    def _gain(self, number: int) -> float:
        """What the threshold has gained since the last pruning."""
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        first = getattr(self.schedule, "begin_step", 0)
        done = number - first
        # Of a schedule of epochs, `begin_step` is the first pruning: the pull began one before.
        steps = [done, done - self.schedule.frequency]
        if self._by_epoch:
            steps = [(count + self.schedule.frequency) * self._epoch() for count in steps]
        now, before = [threshold(count, rate, self.strength, self.power) for count in steps]
        return now - before

    def _epoch(self) -> int:
        """Steps in an epoch."""
        return int(self.params.get("steps") or 1)
