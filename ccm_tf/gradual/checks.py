"""What is checked of a pruning before a training starts with it."""

import warnings
from typing import Any

import numpy as np

from ccm_tf.budget import TARGETS, Budget
from ccm_tf.criteria import Criterion, Ranking
from ccm_tf.gradual.choice import Aim
from ccm_tf.gradual.masks import ChannelMasks
from ccm_tf.graph import ChannelGraph
from ccm_tf.selection import check_scope, select
from ccm_tf.statistics.batches import batches

LIMITS = ("keep", "round_to", "min_channels", "max_ratio")


def check_arguments(schedule: Any, target: str, scope: str, limits: Any) -> None:
    """Raises a `ValueError` unless a schedule, and what it is about, make sense.

    Args:
        schedule: The schedule.
        target: What its sparsity is a share of.
        scope: `"global"`, `"relative"` or `"local"`.
        limits: Names of further arguments.
    """
    if not callable(schedule) or not hasattr(schedule, "get_config"):
        raise ValueError(
            "Expected a schedule such as `ccm_tf.schedules.PolynomialDecay(...)`. "
            f"Received: schedule={schedule!r}."
        )
    if target not in TARGETS or target == "energy":
        raise ValueError(
            f"`target` must be one of {TARGETS[1:]}. Received: target={target!r}. (An energy "
            "is asked for with `schedule=ccm_tf.schedules.PCAEnergy(...)`.)"
        )
    check_scope(scope)
    unknown = set(limits) - set(LIMITS)
    if unknown:
        raise ValueError(f"Unknown arguments of `GradualPruning`: {sorted(unknown)}.")


def check_data(criterion: Criterion, data: Any) -> None:
    """Raises a `ValueError` unless a criterion can read data again and again; nothing is read."""
    criterion.check_data(data)
    if hasattr(data, "__next__"):
        raise ValueError(
            "The criterion reads `data` whenever pruning is due, so a generator, which can be "
            "read once, will not do. Pass arrays, a data set, or a list of batches. "
            f"Received: {type(data).__name__}."
        )
    if data is not None:
        most = getattr(criterion, "max_batches", None)
        batches(data, max_batches=most, labels=criterion.needs_labels)


def check_labels(criterion: Criterion, graph: ChannelGraph, data: Any) -> None:
    """Has a criterion that needs labels look at all of them, before any work is done."""
    if criterion.needs_labels and data is not None:
        most = getattr(criterion, "max_batches", None)
        pairs = batches(data, max_batches=most, labels=True)
        criterion.check_labels(graph, (labels for _, labels in pairs))


def by_epoch(schedule: Any) -> bool:
    """Whether a schedule counts epochs instead of steps."""
    return getattr(schedule, "unit", "step") == "epoch"


def asks_for_sparsity(schedule: Any) -> bool:
    """Whether a schedule asks for a share, as those of tfmot do."""
    return getattr(schedule, "quantity", "sparsity") == "sparsity"


def last_step(schedule: Any) -> int | None:
    """The last step, or epoch, in which pruning is due; `None` without an end."""
    if by_epoch(schedule):
        return schedule.epochs[-1]
    last = getattr(schedule, "last_step", getattr(schedule, "end_step", None))
    return None if last is None or last < 0 else last


def is_last(schedule: Any, number: int) -> bool:
    """Whether no pruning is due after this step, or epoch."""
    last = last_step(schedule)
    return last is not None and number >= last


def need_end(schedule: Any) -> None:
    """Raises a `ValueError` unless a schedule ends, and says how much is to be gone by then.

    Args:
        schedule: The schedule.
    """
    if getattr(schedule, "quantity", "sparsity") == "energy":
        raise ValueError(
            "An energy says which channels go, and not how many of them; use a schedule of "
            f"sparsity, such as `PolynomialDecay`. Received: schedule={schedule!r}."
        )
    if last_step(schedule) is None:
        raise ValueError(
            "Channels that leave little by little need a schedule with an end, by which the last "
            f"of them are gone: give it `end_step`. Received: schedule={schedule!r}."
        )


def warn_of_missed_end(schedule: Any, begin: int, epochs: int | None, steps: int | None) -> None:
    """Warns of a schedule that goes on after the training ends.

    Args:
        schedule: The schedule.
        begin: Steps before this training.
        epochs: Epochs of the training, where known.
        steps: Steps in an epoch, where known.
    """
    last = last_step(schedule)
    if last is None or epochs is None:
        return
    if by_epoch(schedule):
        if last >= epochs:
            warnings.warn(
                f"The schedule prunes after epochs up to {last}, but training ends with epoch "
                f"{epochs}, and nothing trains after it. Received: {schedule!r}.",
                stacklevel=4,
            )
        return
    if steps is not None and last >= begin + epochs * steps:
        total = begin + epochs * steps
        warnings.warn(
            f"The schedule prunes up to step {last}, but training ends after {total} steps "
            f"({epochs} epochs of {steps}): it will stop at a sparsity of "
            f"{float(schedule(total - 1)[1]):.3g}. Received: {schedule!r}.",
            stacklevel=4,
        )


def refuse_end_out_of_reach(schedule: Any, masks: ChannelMasks, aim: Aim) -> None:
    """Raises a `ValueError` if the limits do not leave room for a schedule's last sparsity.

    Args:
        schedule: The schedule.
        masks: The masks of the model.
        aim: What the schedule's numbers mean.
    """
    if not asks_for_sparsity(schedule):
        return
    graph = masks.graph
    anyhow = {
        group.index: Ranking(group.roots, np.ones(len(group.roots)))
        for group in graph.groups
        if len(group.roots)
    }
    final = float(schedule(last_step(schedule) or 0)[1])
    allowed = max(1, int(np.floor((1 - final) * aim.dense + 1e-9)))
    select(graph, anyhow, Budget(aim.target, allowed), aim.limits, aim.scope)


def warn_of_too_little(schedule: Any, masks: ChannelMasks, aim: Aim) -> None:
    """Warns, at the beginning of a training, if more is gone than the schedule asks for.

    Args:
        schedule: The schedule.
        masks: The masks of the model.
        aim: What the schedule's numbers mean.
    """
    if not asks_for_sparsity(schedule):
        return
    asked = float(schedule(getattr(schedule, "begin_step", 0))[1])
    left = Budget(aim.target, 1.0).cost(masks.graph)(masks.alive)
    gone = 1 - left / max(aim.dense, 1)
    if gone > asked + 0.02:
        warnings.warn(
            f"The schedule begins with a sparsity of {asked:.3g}, but {gone:.3g} of the "
            f"{aim.target} are masked already; nothing is pruned until it asks for more.",
            stacklevel=4,
        )
