"""Channels first, then directions: one plan, one budget."""

from collections.abc import Callable
from typing import Any

import keras

from ccm_tf.budget import Budget
from ccm_tf.graph import ChannelGraph
from ccm_tf.kfe.eigen_plan import EigenPlan
from ccm_tf.kfe.factors import KroneckerFactors
from ccm_tf.plan import plan as plan_channels
from ccm_tf.pruning_plan import PruningPlan


def combined(
    plan: Callable[..., EigenPlan],
    model: keras.Model,
    given: tuple[Any, dict[str, Any]],
    budget: Budget,
    channels: Any,
    share: float,
) -> EigenPlan:
    """A plan that removes channels, and directions from what is left.

    Args:
        plan: `ccm_tf.kfe.plan`.
        model: The model.
        given: The data, and what else `plan` takes.
        budget: The target, of the whole.
        channels: A criterion, or a `PruningPlan`.
        share: How much of the way a criterion goes: it leaves limit**share of the dense model.

    Returns:
        An `EigenPlan` for `model` with the channel plan inside.

    Raises:
        ValueError: If there are factors instead of data, the share is not in (0, 1), or a ratio
            comes with a criterion.
    """
    data, settings = given
    if isinstance(data, KroneckerFactors):
        raise ValueError(
            "With `channels` the factors are those of the slim model: pass the data instead."
        )
    graph = ChannelGraph(model)
    first = channels
    if not isinstance(channels, PruningPlan):
        first = _channel_plan(graph, data, budget, channels, share)
    target: dict[str, float | int] = {budget.kind: budget.value}
    if budget.kind != "ratio":
        # What is left of the one budget, in absolute numbers.
        target[budget.kind] = budget.limit(budget.cost(graph)(graph.all_kept()))
    made = plan(first.build(model), data, **target, **settings)
    made.channels = first
    made.fingerprint = graph.fingerprint
    made.target = {budget.kind: budget.value}
    dense = {kind: getattr(graph, kind)() for kind in ("macs", "params")}
    made.counts["dense"] = {**made.counts["dense"], **dense}
    made.settings["channel_share"] = share
    return made


def _channel_plan(
    graph: ChannelGraph, data: Any, budget: Budget, criterion: Any, share: float
) -> PruningPlan:
    if budget.kind == "ratio":
        raise ValueError(
            "A ratio of directions says nothing about channels. Give a budget of `macs` or "
            "`params` for both, or pass a `PruningPlan` as `channels`."
        )
    if not 0 < share < 1:
        raise ValueError(
            "Argument `channel_share` must be in (0, 1): how much of the way to the budget channel "
            f"pruning goes. Received: channel_share={share!r}."
        )
    dense = budget.cost(graph)(graph.all_kept())
    part = (budget.limit(dense) / dense) ** share
    return plan_channels(graph.model, criterion, data, **{budget.kind: min(part, 1.0)})
