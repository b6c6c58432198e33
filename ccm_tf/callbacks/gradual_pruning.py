"""Pruning channels while a model trains."""

import warnings
from typing import Any

import keras
import numpy as np

from ccm_tf.budget import Limits
from ccm_tf.criteria import Criterion, Ranking, get_criterion
from ccm_tf.files import PathLike
from ccm_tf.gradual import checks
from ccm_tf.gradual.checks import check_arguments, check_data
from ccm_tf.gradual.choice import Aim, choose
from ccm_tf.gradual.compaction import check_compactable, compact
from ccm_tf.gradual.lockstep import Lockstep
from ccm_tf.gradual.masks import ChannelMasks
from ccm_tf.gradual.memory import Memory, Regrowth
from ccm_tf.gradual.pressure import Look
from ccm_tf.gradual.state_file import StateFile
from ccm_tf.gradual.view import View, origins
from ccm_tf.graph import ChannelGraph
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.replicas import alone


class GradualPruning(keras.callbacks.Callback):
    """Masks more and more channels while a model trains, as a schedule says.

    Whenever pruning is due, a criterion scores the channels that are left, and the least important
    ones are masked: their slices of every weight are set to zero and a constraint keeps them there
    after each update, whatever the optimizer. The layers of the model stay the user's own; there
    are no wrappers. `ccm_tf.strip_pruning(model)` then builds the slim model, whose outputs are
    those of the masked one.

    The zeros are the record of the masks, so that whatever stores the weights stores the masks:
    `BackupAndRestore`, `ModelCheckpoint` and `model.save` resume with the same ones. They stay in
    later calls of `fit` too. For the history, `logs` gets `kept_channels` and `kept_macs`, shares
    of the dense model.

    A step is one update by the optimizer, counted over all calls of `fit` (`optimizer.iterations`).
    Pruning that is due in step t happens before that step's update, and pruning that is due after
    epoch e before epoch e + 1.

    Args:
        criterion: Name or instance of a criterion, as for `ccm_tf.plan`.
        schedule: One of `ccm_tf.schedules`, or a `PruningSchedule` of tfmot.
        data: Inputs for criteria that look at feature maps, as for `ccm_tf.plan`.
        target: What the schedule's sparsity is a share of: `"macs"`, `"params"`, `"bytes"` or
            `"channels"`. Defaults to `"macs"`.
        scope: `"global"`, `"relative"` or `"local"`, as for `ccm_tf.plan`.
        exact: As for `ccm_tf.plan`.
        regrow: `True` lets masked channels come back: whenever pruning is due they compete with
            the weights that they had when they were masked. Defaults to `False`: what is gone
            stays gone.
        compact_every: Rewrite the model in place every so many epochs, without what is masked, so
            that training itself gets faster. Defaults to `None`, never.
        dense: The model before anything was removed, where `fit` goes on with one that was
            compacted and saved. Defaults to `None`: the model that is fitted.
        state: An `.npz` file for what checkpoints of the model do not hold, such as the weights of
            channels that may regrow: written after every epoch, and read by a `fit` that starts
            where one of the last two ended. Defaults to `None`: such things end with the process.
        strategy: A running `ccm_tf.distribute.Strategy`. Its workers look at `data` together, each
            at its share, and mask the channels that the chief decides on. Needed with several.
            Defaults to `None`: this process alone.
        **limits: `keep`, `round_to`, `min_channels` and `max_ratio`, as for `ccm_tf.plan`.

    Attributes:
        history: One dict per pruning: `step` (or `epoch`), `kept_channels` and `kept_macs`.

    Raises:
        ValueError: If an argument makes no sense; when `fit` starts, if the criterion lacks data
            or the schedule's end cannot be reached within the limits.

    Example:

    ```python
    schedule = ccm_tf.schedules.PolynomialDecay(0.0, 0.7, begin_step=500, end_step=3000)
    pruning = ccm_tf.callbacks.GradualPruning("magnitude", schedule)
    model.fit(images, labels, epochs=10, callbacks=[pruning])
    slim = ccm_tf.strip_pruning(model)
    ```
    """

    def __init__(
        self,
        criterion: str | Criterion,
        schedule: Any,
        data: Any = None,
        *,
        target: str = "macs",
        scope: str | None = None,
        exact: bool = True,
        regrow: bool = False,
        compact_every: int | None = None,
        dense: keras.Model | None = None,
        state: PathLike | None = None,
        strategy: Any = None,
        **limits: Any,
    ):
        super().__init__()
        self.criterion = get_criterion(criterion)
        self.scope = scope or self.criterion.scope
        check_arguments(schedule, target, self.scope, limits)
        if compact_every is not None and (compact_every < 1 or regrow):
            raise ValueError(
                "`compact_every` must be a positive number of epochs, and channels cannot regrow "
                f"once they are removed. Received: compact_every={compact_every!r}, "
                f"regrow={regrow!r}."
            )
        check_data(self.criterion, data)
        self.schedule = schedule
        self.data = data
        self.target = target
        self.exact = exact
        self.regrow = regrow
        self.compact_every = compact_every
        self.dense = dense
        self.limits = Limits(**limits)
        self.history: list[dict[str, Any]] = []
        self._lockstep = Lockstep(strategy)
        self._masks: ChannelMasks | None = None
        self._state = None if state is None else StateFile(state)
        self._memory: Memory | None = Regrowth() if regrow else None

    @property
    def masks(self) -> ChannelMasks:
        """The masks of the model in training.

        Raises:
            ValueError: Before `fit`.
        """
        if self._masks is None:
            raise ValueError("There are no masks before `model.fit(callbacks=[...])` has begun.")
        return self._masks

    def plan(self) -> PruningPlan:
        """The plan that drops what is masked now, for `ccm_tf.rewrite(model, plan)`."""
        masks = self.masks
        criterion = {"name": self.criterion.name, **self.criterion.get_config()}
        return PruningPlan.from_mask(masks.graph, masks.alive, criterion=criterion)

    def on_train_begin(self, logs: Any = None) -> None:
        """Attaches the masks, and checks what can be checked before work starts."""
        if self.compact_every is not None:
            check_compactable(self.model)
        known = self._masks is not None and self._masks.model is self.model
        if not known:
            self._measure(ChannelGraph(self.dense or self.model, self.exact))
        # Anew for every `fit`: what is zero by now is masked.
        self._attach()
        if not known:
            self._start()
        if hasattr(self.schedule, "bind"):
            self.schedule = self.schedule.bind(self._aim.units)
        self._begun = False
        epochs, steps = self.params.get("epochs"), self.params.get("steps")
        checks.warn_of_missed_end(self.schedule, self._iterations(), epochs, steps)
        checks.refuse_end_out_of_reach(self.schedule, self.masks, self._aim)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Prunes if that is due after the epochs so far."""
        if not self._begun:
            self._begun = True
            # Other callbacks may have restored weights since `on_train_begin`.
            self.masks.read()
            if self._memory is not None:
                before = self._in_force()
                self._memory.resume(self._state, self._iterations())
                self._renew(before)
            self._checked = self._iterations() - 1
            if self._iterations() == 0:
                checks.warn_of_too_little(self.schedule, self.masks, self._aim)
        self._step = self._iterations()
        if self._by_epoch and epoch and self.schedule.due(epoch):
            self._prune(epoch)
        self._compact(epoch)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Prunes if that is due in this step."""
        self._first = batch
        if not self._by_epoch:
            steps = range(self._checked + 1, self._step + 1)
            self._checked = self._step
            # One call may stand for several steps (`steps_per_execution`).
            due = [step for step in steps if bool(self.schedule(step)[0])]
            if due:
                self._prune(due[-1])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Counts steps."""
        self._step += batch - self._first + 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Puts the widths into the logs, and zeros where moving averages left something."""
        self.masks.enforce()
        if self._memory is not None:
            self._memory.save(self._state, self._iterations())
        if logs is not None:
            logs.update(self._left())

    def on_train_end(self, logs: Any = None) -> None:
        """Keras may have put averages of weights in the place of weights by now."""
        self.masks.enforce()

    @property
    def _by_epoch(self) -> bool:
        return checks.by_epoch(self.schedule)

    def _iterations(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))

    def _measure(self, dense: ChannelGraph) -> None:
        """Looks at the model that the schedule's numbers refer to, and at the labels."""
        dense.check_free()
        self._aim = Aim.of(dense, self.target, self.limits, self.scope)
        checks.check_labels(self.criterion, dense, self.data)

    def _start(self) -> None:
        """Prepares what is remembered of a model that is new to this callback."""
        if isinstance(self._memory, Regrowth):
            self._memory.start(self.masks)

    def _attach(self) -> None:
        """Holds what is masked at zero from now on."""
        self._masks = ChannelMasks(self.model, self.exact)

    def _prune(self, number: int) -> None:
        self._sync()
        masks, before = self.masks, self._in_force()
        alive = masks.alive
        if isinstance(self._memory, Regrowth):
            self._memory.bring_back(masks)
        try:
            self._leave(number)
        except ValueError as error:
            # The limits leave no room for it: no reason to lose a training.
            masks.set(alive)
            warnings.warn(f"Nothing is pruned in step {number}: {error}", stacklevel=2)
        self._lockstep.check([masks.alive, *(self._memory.arrays if self._memory else {}).values()])
        self._renew(before)
        self.history.append({"epoch" if self._by_epoch else "step": number, **self._left()})

    def _leave(self, number: int) -> None:
        """Lets channels leave; here at once."""
        self.masks.set(self._look(number, self.masks.alive).wanted)

    def _look(self, number: int, alive: np.ndarray) -> Look:
        """What the criterion says about some channels, and what the schedule would keep."""
        view = View(self.masks.graph, alive)
        rankings = self._rankings(view)
        return Look(view, rankings, self._chosen(view, rankings, number))

    def _rankings(self, view: View) -> dict[int, Ranking]:
        with alone():
            return self.criterion.rank(view.graph, self._lockstep.shared(self.data))

    def _chosen(self, view: View, rankings: dict[int, Ranking], number: int) -> np.ndarray:
        """What the schedule would keep, over root labels of the whole model."""
        return self._lockstep.decided(
            lambda: view.back(choose(view.graph, rankings, self.schedule, number, self._aim))
        )

    def _in_force(self) -> np.ndarray:
        """What a function that is compiled on JAX holds as constants."""
        return self.masks.alive

    def _renew(self, before: np.ndarray) -> None:
        """Has the training step compiled anew where its constants are no longer true."""
        changed = not np.array_equal(before, self._in_force())
        if changed and keras.backend.backend() == "jax":
            self.model.make_train_function(force=True)

    def _left(self) -> dict[str, float]:
        return self._aim.left(self.masks.graph, self.masks.alive)

    def _sync(self) -> None:
        """On JAX the weights are elsewhere while an epoch runs; this brings them back."""
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()

    def _compact(self, epoch: int) -> None:
        if self.compact_every is None or epoch == 0 or epoch % self.compact_every:
            return
        if self.masks.alive.all():
            return
        whole, alive = self.masks.graph, self.masks.alive
        compact(self.model, self.plan())
        self._attach()
        self._carry(origins(whole, alive, self.masks.graph))

    def _carry(self, found: np.ndarray) -> None:
        """Takes to the compacted model what is known by label; see `origins`."""
