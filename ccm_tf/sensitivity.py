"""How much each group of channels alone can lose."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from ccm_tf.criteria import Criterion, get_criterion
from ccm_tf.files import PathLike, atomic_path
from ccm_tf.graph import ChannelGraph
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.rewrite import rewrite


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """Scores of a model in which one group of channels at a time is pruned.

    Attributes:
        shares: The kept shares that were tried, in descending order, 1 first.
        scores: Name of the first layer of a group to its scores, one per share.
    """

    shares: tuple[float, ...]
    scores: dict[str, tuple[float, ...]]

    def __str__(self) -> str:
        width = max(map(len, [*self.scores, "layer"]))
        lines = [f"{'layer':<{width}}" + "".join(f"{share:>9.0%}" for share in self.shares)]
        for name, scores in self.scores.items():
            lines.append(f"{name:<{width}}" + "".join(f"{score:>9.4f}" for score in scores))
        return "\n".join(lines)

    def most_sensitive(self) -> list[str]:
        """Names of the groups, the one that loses most first."""
        drops = {name: scores[0] - min(scores) for name, scores in self.scores.items()}
        return sorted(drops, key=lambda name: drops[name], reverse=True)

    def plot(self, path: PathLike) -> None:
        """Draws the score of every group against its kept share. Needs matplotlib.

        Args:
            path: A `.svg`, `.png` or `.pdf` file; written whole or not at all.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.add_subplot()
        for name, scores in self.scores.items():
            axes.plot(self.shares, scores, marker=".", label=name)
        axes.set_xlabel("share of channels that stay")
        axes.set_ylabel("score")
        axes.invert_xaxis()
        axes.grid(alpha=0.3)
        columns = 1 + len(self.scores) // 20
        axes.legend(fontsize="small", ncols=columns, loc="center left", bbox_to_anchor=(1, 0.5))
        with atomic_path(path) as temporary:
            figure.savefig(temporary)


def sensitivity(
    model: keras.Model,
    criterion: str | Criterion,
    data: Any = None,
    *,
    evaluate: Callable[[keras.Model], float],
    shares: Sequence[float] = (0.75, 0.5, 0.25),
    verbose: int = 0,
) -> Sensitivity:
    """Prunes one group of channels at a time and evaluates what is left.

    The result says which layers carry the network and which do not, before any plan is made:
    pass the sensitive ones to `ccm_tf.plan(..., keep=[...])` or give them their own `ratios`.

    Args:
        model: A built functional or sequential `keras.Model`.
        criterion: Name or instance of a criterion; it ranks once.
        data: Inputs for criteria that look at feature maps, as for `ccm_tf.plan`.
        evaluate: Returns the score of a model, for example its accuracy on validation images; it
            is called once for each group and share.
        shares: Shares of channels to keep, each in (0, 1). Defaults to `(0.75, 0.5, 0.25)`.
        verbose: 1 shows a progress bar. Defaults to 0.

    Returns:
        A `Sensitivity`, which prints as a table and can be plotted.

    Raises:
        ValueError: If a share is not in (0, 1), or as for `ccm_tf.plan`.

    Example:

    ```python
    found = ccm_tf.sensitivity(model, "magnitude", evaluate=lambda m: accuracy(m, images, labels))
    print(found)
    found.plot("sensitivity.svg")
    ```

    Reference:
        Li et al., "Pruning Filters for Efficient ConvNets", 2017, arXiv 1608.08710.
    """
    kept_shares = sorted({float(share) for share in shares}, reverse=True)
    if not kept_shares or not all(0 < share < 1 for share in kept_shares):
        raise ValueError(
            "Argument `shares` holds shares of channels to keep, each in (0, 1). "
            f"Received: {shares}"
        )
    graph = ChannelGraph(model)
    rankings = get_criterion(criterion).rank(graph, data, verbose=verbose)
    dense = float(evaluate(model))
    bar = keras.utils.Progbar(len(rankings) * len(kept_shares), verbose=verbose, unit_name="model")
    scores = {}
    for index, ranking in rankings.items():
        row = [dense]
        for share in kept_shares:
            mask = graph.all_kept()
            mask[ranking.order[max(1, int(np.ceil(share * len(ranking.order)))) :]] = False
            _keep_one(graph, mask, ranking.order)
            row.append(float(evaluate(rewrite(model, PruningPlan.from_mask(graph, mask)))))
            bar.add(1)
        scores[graph.groups[index].name] = tuple(row)
    return Sensitivity((1.0, *kept_shares), scores)


def _keep_one(graph: ChannelGraph, mask: np.ndarray, order: np.ndarray) -> None:
    """No tensor loses all its channels: its best one stays."""
    place = np.full(len(mask), len(order))
    place[order] = np.arange(len(order))
    for roots in graph.widths:
        if not mask[roots].any():
            mask[roots[np.argmin(place[roots])]] = True
