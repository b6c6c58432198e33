"""Pruning in which channels leave little by little."""

import abc
import warnings
from typing import Any

import numpy as np

from ccm_tf.callbacks.gradual_pruning import GradualPruning
from ccm_tf.criteria.reduction import ranked
from ccm_tf.gradual import checks
from ccm_tf.gradual.choice import enough
from ccm_tf.gradual.pressure import Rule
from ccm_tf.gradual.view import View


class PressuredPruning(GradualPruning, abc.ABC):
    """Puts channels under a pressure that grows until they are gone, instead of masking them.

    The base of `GrowingRegularization` and `ProbabilisticPruning`. The schedule says how much is to
    go and how often the pressure changes, the criterion which channels, the rule how the pressure
    on each of them changes, and the subclass what pressure does to a channel. Channels whose
    pressure has reached 1 are masked. The last pruning of the schedule removes what is still
    missing, those under most pressure first, so that the model ends where the schedule says.

    Args:
        criterion: As for `GradualPruning`.
        schedule: As for `GradualPruning`; of sparsity or of channels, and with an end.
        data: As for `GradualPruning`.
        rule: How pressure grows.
        **options: As for `GradualPruning`, without `regrow`.

    Raises:
        ValueError: As `GradualPruning` does; and if the schedule has no end, or asks for energy.
    """

    def __init__(self, criterion: Any, schedule: Any, data: Any, rule: Rule, **options: Any):
        if options.get("regrow"):
            raise ValueError(
                "Nothing is masked here before its time, so there is nothing to regrow. Leave out "
                f"`regrow`. Received: regrow={options['regrow']!r}."
            )
        super().__init__(criterion, schedule, data, **options)
        checks.need_end(schedule)
        self.rule = self._memory = rule

    @property
    def pressure(self) -> np.ndarray:
        """How far each channel is on its way out, over root labels: 0 stays, 1 is gone."""
        return self.rule.pressure

    @abc.abstractmethod
    def _press(self, pressure: np.ndarray) -> None:
        """Has the model feel a pressure, over root labels."""

    def _ease(self, pressure: np.ndarray) -> None:
        """Prepares the channels that stay, when the last ones have gone, for life without it."""

    def _start(self) -> None:
        self.rule.start(len(self.masks.graph.labels_to_roots))

    def _carry(self, found: np.ndarray) -> None:
        self.rule.carry(found, self.masks.graph.labels_to_roots)
        self._press(self._on_the_way())

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Goes on with the pressure there was, then as `GradualPruning` does."""
        begins = not self._begun
        super().on_epoch_begin(epoch, logs)
        if begins:
            before = self._in_force()
            self._press(self._on_the_way())
            self._renew(before)

    def on_train_end(self, logs: Any = None) -> None:
        """Takes the pressure away: what trains the model from now on need not know of it."""
        super().on_train_end(logs)
        before = self._in_force()
        self._press(np.zeros_like(self.pressure))
        self._renew(before)

    def _on_the_way(self) -> np.ndarray:
        return np.where(self.masks.alive, self.pressure, 0).astype("float32")

    def _leave(self, number: int) -> None:
        masks = self.masks
        if checks.is_last(self.schedule, number):
            self._finish(number)
        else:
            self.rule.advance(
                masks.alive,
                lambda alive: enough(masks.graph, alive, self.schedule, number, self._aim),
                lambda alive: self._look(number, alive),
            )
            gone = self.pressure >= 1
            masks.set(masks.alive & ~gone[masks.graph.labels_to_roots])
        self._press(self._on_the_way())

    def _finish(self, number: int) -> None:
        """Removes what the schedule asks for in the end, those under most pressure first."""
        masks, pressure = self.masks, self._on_the_way()
        view = View(masks.graph, masks.alive)
        rankings = {
            index: ranked(r.order, 1 - pressure[view.origins[r.order]], ties=r.scores)
            for index, r in self._rankings(view).items()
        }
        kept = self._chosen(view, rankings, number)
        self._warn_of_haste(number, pressure[masks.alive & ~kept])
        masks.set(kept)
        self._ease(pressure)
        self._start()

    def _warn_of_haste(self, number: int, pressures: np.ndarray) -> None:
        if len(pressures) and pressures.min() < 0.5:
            warnings.warn(
                f"{np.count_nonzero(pressures < 0.5)} channels are removed in step {number} with "
                f"less than half the pressure, the least {pressures.min():.2g}: the schedule ends "
                "too early for them. Let it prune more often (`frequency`) or longer, or raise "
                f"`growth`. Received: growth={self.rule.growth!r}, schedule={self.schedule!r}.",
                stacklevel=2,
            )
