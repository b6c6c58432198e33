"""Accuracy against size: all networks that were trained after pruning, and the front of them."""

from benchmarks.accuracy.cells import DENSE
from benchmarks.accuracy.plots import pyplot
from benchmarks.accuracy.summary import Group
from benchmarks.accuracy.tables import spread, table
from ccm_tf.reporting.comparison import pareto

# Points below the best that are in the picture; the tables hold the rest.
_SHOWN = 25
_COSTS = {"macs_count": "million multiply-accumulates", "params": "million parameters"}


def compared(groups: list[Group]) -> list[Group]:
    """Dense networks and those that were trained after channels had gone, or while they went."""
    return [g for g in groups if g.label("stage") == DENSE or _trained(g)]


def _trained(g: Group) -> bool:
    return any("learning_rate" in step for step in g.rows[0]["steps"][1:])


def picture(groups: list[Group]):
    """Accuracy against multiply-accumulates and against parameters.

    Args:
        groups: What `compared` returned.
    """
    plt = pyplot()
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
    colours = plt.colormaps["tab20"]
    for axis, (cost, title) in zip(axes, _COSTS.items(), strict=True):
        for number, stage in enumerate(dict.fromkeys(g.label("stage") for g in groups)):
            places = [_place(g, cost) for g in groups if g.label("stage") == stage]
            style = {"color": "black", "s": 40} if stage == DENSE else {"color": colours(number)}
            axis.scatter(
                *zip(*places, strict=True),
                marker="Xos^Dvp*"[number % 8],
                label=stage,
                **{"s": 18, **style},
            )
        steps = sorted(_place(g, cost) for g in _best(groups, cost))
        axis.step(*zip(*steps, strict=True), where="post", color="black", linewidth=0.8)
        axis.set(xscale="log", xlabel=title)
        axis.xaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.xaxis.set_minor_locator(plt.NullLocator())
        axis.grid(alpha=0.3)
    most = max(g.accuracy for g in groups)
    axes[0].set(ylabel="test accuracy, %", ylim=(most - _SHOWN, most + 1))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def listed(groups: list[Group]) -> list[str]:
    """The front over multiply-accumulates as a table, the largest network first."""
    best = sorted(_best(groups, "macs_count"), key=lambda g: _place(g, "macs_count"), reverse=True)
    names = ("training", "criterion", "stage")
    rows = [
        [
            f"{g.values('macs_count').mean() / 1e6:.2f} M",
            f"{g.values('params').mean() / 1e3:.0f} k",
            *(g.label(name) or "–" for name in names),
            spread(g),
        ]
        for g in best
    ]
    return table(["MACs", "params", *names, "test accuracy"], rows)


def _place(g: Group, cost: str) -> tuple[float, float]:
    return float(g.values(cost).mean()) / 1e6, g.accuracy


def _best(groups: list[Group], cost: str) -> list[Group]:
    marks = pareto([_place(g, cost) for g in groups])
    return [g for g, on_it in zip(groups, marks, strict=True) if on_it]
