"""From a model and a criterion to a plan."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras

from ccm_tf.budget import TIMES, Budget, Limits
from ccm_tf.criteria import Criterion, get_criterion
from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.budget import LatencyBudget, select_in_time
from ccm_tf.latency.cache import latency_table as table_of_this_machine
from ccm_tf.latency.proof import Proof
from ccm_tf.latency.table import LatencyTable
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.selection import select


def plan(
    model: keras.Model,
    criterion: str | Criterion,
    data: Any = None,
    *,
    energy: float | None = None,
    channels: float | int | None = None,
    macs: float | int | None = None,
    params: float | int | None = None,
    bytes: int | float | None = None,
    latency: float | None = None,
    latency_ms: float | None = None,
    latency_table: LatencyTable | None = None,
    keep: Iterable[Any] = (),
    ratios: Mapping[str, float] | None = None,
    round_to: int | None = None,
    min_channels: int = 1,
    max_ratio: float = 0.95,
    scope: str | None = None,
    exact: bool = True,
    verbose: int = 0,
) -> PruningPlan:
    """Chooses which channels of a model stay.

    Exactly one of `energy`, `channels`, `macs`, `params`, `bytes`, `latency` and `latency_ms` says
    how far to go. With
    `energy` every group of channels finds its own width: the fewest channels (components, for
    `"pca"`) whose share of the criterion's total exceeds it. With the others a threshold on the
    criterion is searched that leaves at most the given part, by counting labels, without building
    models; the plan comes within one percent of the target or says in `notes` why not.

    Outputs of the model are never pruned, and every layer keeps at least one channel.

    Args:
        model: A built functional or sequential `keras.Model`.
        criterion: Name of a criterion, such as `"pca"` or `"magnitude"`, or an instance of one.
        data: Inputs for criteria that look at feature maps: an array, `(x, y)`, a
            `tf.data.Dataset`, a `keras.utils.PyDataset` or another re-iterable of batches.
        energy: Share of the criterion's total to exceed, in (0, 1].
        channels: Channels to leave: a fraction in (0, 1] or an integer.
        macs: Multiply-accumulates to leave, likewise.
        params: Weights to leave, likewise.
        bytes: Size of the weights to leave, likewise.
        latency: Part of the dense model's latency to leave, in (0, 1], as `latency_table` predicts;
            on this machine, where Keras runs on TensorFlow, plans are measured and corrected.
        latency_ms: Latency to leave in milliseconds, likewise.
        latency_table: Times of operators on the device that counts. Defaults to `None`: those of
            this machine on one thread in float32, measured once (see `ccm_tf.latency_table`).
        keep: Layers, names or patterns (`"stage3_*"`) whose channels all stay.
        ratios: Name or pattern to the share of channels that these layers lose, in [0, 1), instead
            of what the target would take.
        round_to: Kept widths are multiples of it where the dense ones are, for example 8; the
            target is met all the same. Defaults to `None`: as they come, and for a target in time
            the multiple with which most gets done in it, of those in which the device's times
            were measured to grow.
        min_channels: Fewest channels that a layer keeps. Defaults to 1.
        max_ratio: Largest share of channels that a layer may lose. Defaults to 0.95.
        scope: `"global"` ranks all groups against each other by the criterion's own measure;
            `"relative"` by scores divided by their group's mean; `"local"` takes the same share of
            each. Defaults to `None`: as the criterion says, `"relative"` for those that estimate
            the loss, `"global"` for the others.
        exact: `False` also removes channels over which a layer normalises or takes a softmax; the
            slim model is then an approximation that wants fine-tuning. Defaults to `True`.
        verbose: 1 shows a progress bar while feature maps are looked at. Defaults to 0.

    Returns:
        A `PruningPlan`.

    Raises:
        ValueError: If an argument makes no sense, the criterion lacks data, or no plan can meet
            the target; the message names the least that can be reached.

    Example:

    ```python
    plan = ccm_tf.plan(model, "pca", images, macs=0.5)
    slim = ccm_tf.rewrite(model, plan)
    ```
    """
    counts = {"channels": channels, "macs": macs, "params": params, "bytes": bytes}
    budget = Budget.of(energy=energy, **counts, latency=latency, latency_ms=latency_ms)
    limits = Limits(keep, dict(ratios or {}), round_to, min_channels, max_ratio)
    chosen = get_criterion(criterion)
    scope = scope or chosen.scope
    graph = ChannelGraph(model, exact)
    limits.protected(graph)
    graph.check_free()
    in_time = _in_time(budget, graph, latency_table)
    rankings = chosen.rank(graph, data, verbose=verbose)
    if in_time is None:
        selection = select(graph, rankings, budget, limits, scope)
    else:
        proof = Proof.where_possible(graph, in_time.table)
        selection = select_in_time(graph, rankings, in_time, limits, scope, proof)
    settings = {"name": chosen.name, **chosen.get_config()}
    made = PruningPlan.from_mask(
        graph,
        selection.mask,
        criterion=settings,
        target={budget.kind: budget.value},
        notes=selection.notes,
    )
    made.rankings = {graph.groups[index].name: ranking for index, ranking in rankings.items()}
    return made


def _in_time(
    budget: Budget, graph: ChannelGraph, table: LatencyTable | None
) -> LatencyBudget | None:
    """The budget with times of operators, measured now if need be, if it is one in time."""
    if budget.kind not in TIMES:
        return None
    in_time = LatencyBudget(budget.kind, budget.value, table or table_of_this_machine(graph))
    # Before any work: whether the table knows all operators.
    in_time.cost(graph)(graph.all_kept())
    return in_time
