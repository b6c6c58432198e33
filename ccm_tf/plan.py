"""From a model and a criterion to a plan."""

from collections.abc import Iterable
from typing import Any

import keras

from ccm_tf.budget import Budget, protected, select
from ccm_tf.criteria import Criterion, get_criterion
from ccm_tf.graph import ChannelGraph
from ccm_tf.pruning_plan import PruningPlan


def plan(
    model: keras.Model,
    criterion: str | Criterion,
    data: Any = None,
    *,
    energy: float | None = None,
    channels: float | int | None = None,
    macs: float | int | None = None,
    params: float | int | None = None,
    keep: Iterable[Any] = (),
    scope: str = "global",
    verbose: int = 0,
) -> PruningPlan:
    """Chooses which channels of a model stay.

    Exactly one of `energy`, `channels`, `macs` and `params` says how far to go. With `energy`
    every group of channels finds its own width: the fewest channels (components, for `"pca"`)
    whose share of the criterion's total exceeds it. With the others a threshold on the criterion
    is searched that leaves at most the given part, by counting labels, without building models.

    Outputs of the model are never pruned, and every layer keeps at least one channel.

    Args:
        model: A built functional or sequential `keras.Model`.
        criterion: Name of a criterion (`"pca"`, `"independence"`, `"magnitude"`, `"random"`) or an
            instance of one.
        data: Inputs for criteria that look at feature maps: an array, `(x, y)`, a
            `tf.data.Dataset`, a `keras.utils.PyDataset` or another re-iterable of batches.
        energy: Share of the criterion's total to exceed, in (0, 1].
        channels: Channels to leave: a fraction in (0, 1] or an integer.
        macs: Multiply-accumulates to leave, likewise.
        params: Weights to leave, likewise.
        keep: Layers, names or patterns (`"stage3_*"`) whose channels all stay.
        scope: `"global"` ranks all groups against each other, `"local"` takes the same share of
            each.
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
    budget = Budget.of(energy=energy, channels=channels, macs=macs, params=params)
    chosen = get_criterion(criterion)
    graph = ChannelGraph(model)
    always = protected(graph, keep)
    if not any(len(group.roots) for group in graph.groups):
        reasons = "; ".join(dict.fromkeys(r for g in graph.groups for r in g.reasons))
        raise ValueError(f"Model '{model.name}' has no channel that could be removed: {reasons}.")
    rankings = chosen.rank(graph, data, verbose=verbose)
    mask = select(graph, rankings, budget, always, scope)
    settings = {"name": chosen.name, **chosen.get_config()}
    made = PruningPlan.from_mask(
        graph, mask, criterion=settings, target={budget.kind: budget.value}
    )
    made.rankings = {graph.groups[index].name: ranking for index, ranking in rankings.items()}
    return made
