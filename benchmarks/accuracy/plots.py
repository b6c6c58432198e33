"""Pictures of the results as SVG files that are the same for the same results."""

import pathlib

from benchmarks.accuracy.summary import Group
from ccm_tf.files import atomic_path

# With more criteria than this, bars grouped by training are too thin to read.
_BARS = 5


def of_pruned(dense: list[Group], pruned: list[Group]) -> dict:
    """The figures of a table, by name.

    Args:
        dense: Groups of trained networks.
        pruned: Groups of pruned ones.
    """
    figures = {}
    trainings = dict.fromkeys(g.label("training") for g in pruned)
    if len(trainings) > 1:
        figures["stages"] = _stages(dense, _in_every_training(pruned))
    for training in trainings:
        members = [g for g in pruned if g.label("training") == training]
        if len({g.label("criterion") for g in members}) > _BARS:
            figures[f"criteria_{training}"] = _criteria(dense, members)
    return figures


def save(figure, path: pathlib.Path) -> pathlib.Path:
    """Writes a figure as an SVG file that is the same for the same figure."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})
    pyplot().close(figure)
    return path


def pyplot():
    """Matplotlib without a window, with the same identifiers in the same pictures."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "ccm_tf", "font.size": 8})
    from matplotlib import pyplot as plt

    return plt


def redundancy(dense: list[Group]):
    """Correlation and rank of every feature map of trained networks."""
    plt = pyplot()
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    titles = ("S over mean maps", "S over samples", "k90 / channels")
    for axis, title, key in zip(axes, titles, ("mean_map", "samples", "k90"), strict=True):
        for g in dense:
            seeds = [row["record"]["redundancy"] for row in g.rows]
            values = [
                sum(s[i][key] / (s[i]["channels"] if key == "k90" else 1) for s in seeds)
                / len(seeds)
                for i in range(len(seeds[0]))
            ]
            axis.plot(range(1, len(values) + 1), values, marker=".", label=g.label("training"))
        axis.set(title=title, xlabel="feature map", ylim=(0, 1.02))
        axis.set_xticks(range(1, len(values) + 1))
        axis.grid(alpha=0.3)
    axes[0].legend()
    return figure


def _stages(dense: list[Group], pruned: list[Group]):
    """One row per budget, one column per stage, bars of criteria grouped by training."""
    plt = pyplot()
    budgets = sorted({g.label("macs") for g in pruned}, reverse=True)
    stages, trainings, criteria = (
        list(dict.fromkeys(g.label(name) for g in pruned))
        for name in ("stage", "training", "criterion")
    )
    figure, axes = plt.subplots(
        len(budgets),
        len(stages),
        figsize=(1.2 + 3.3 * len(stages), 2.6 * len(budgets)),
        squeeze=False,
        sharey=True,
        layout="constrained",
    )
    for row, macs in zip(axes, budgets, strict=True):
        for axis, stage in zip(row, stages, strict=True):
            members = [g for g in pruned if (g.label("macs"), g.label("stage")) == (macs, stage)]
            _bars(axis, members, trainings, criteria)
            _dense_lines(axis, dense, trainings)
            axis.set_title(f"{100 * macs:g} % of MACs, {stage}")
        row[0].set_ylabel("test accuracy, %")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(criteria))
    return figure


def _bars(axis, groups: list[Group], trainings: list[str], criteria: list[str]) -> None:
    width = 0.8 / len(criteria)
    for number, criterion in enumerate(criteria):
        members = [g for g in groups if g.label("criterion") == criterion]
        axis.bar(
            [trainings.index(g.label("training")) + (number + 0.5) * width for g in members],
            [g.accuracy for g in members],
            width,
            yerr=[g.spread or 0.0 for g in members],
            label=criterion,
        )
    names = [training.replace(" ", "\n") for training in trainings]
    axis.set_xticks([i + 0.4 for i in range(len(trainings))], names)
    axis.set_ylim(0, 100)


def _in_every_training(groups: list[Group]) -> list[Group]:
    """The criteria and stages that every training has; everything if there are none."""
    trainings = {g.label("training") for g in groups}
    seen: dict[tuple, set] = {}
    for g in groups:
        seen.setdefault((g.label("criterion"), g.label("stage")), set()).add(g.label("training"))
    shared = [g for g in groups if seen[g.label("criterion"), g.label("stage")] == trainings]
    return shared or groups


def _criteria(dense: list[Group], groups: list[Group]):
    """One column per budget, one line per criterion, one dot per stage, the best criterion up."""
    plt = pyplot()
    budgets = sorted({g.label("macs") for g in groups}, reverse=True)
    stages = list(dict.fromkeys(g.label("stage") for g in groups))
    count = len({g.label("criterion") for g in groups})
    figure, axes = plt.subplots(
        1,
        len(budgets),
        figsize=(4.6 * len(budgets), 0.8 + 0.26 * count),
        squeeze=False,
        layout="constrained",
    )
    for axis, macs in zip(axes[0], budgets, strict=True):
        members = [g for g in groups if g.label("macs") == macs]
        best: dict[str, float] = {}
        for g in members:
            best[g.label("criterion")] = max(best.get(g.label("criterion"), 0.0), g.accuracy)
        rows = sorted(best, key=lambda criterion: best[criterion])
        for number, stage in enumerate(stages):
            chosen = [g for g in members if g.label("stage") == stage]
            axis.scatter(
                [g.accuracy for g in chosen],
                [rows.index(g.label("criterion")) for g in chosen],
                s=22,
                marker="os^Dvp*"[number % 7],
                label=stage,
            )
        for g in dense:
            if g.label("training") == groups[0].label("training"):
                axis.axvline(g.accuracy, color="black", linestyle="dotted")
        axis.set_yticks(range(len(rows)), rows)
        axis.set(title=f"{100 * macs:g} % of MACs", xlabel="test accuracy, %", xlim=(0, 100))
        axis.grid(alpha=0.3)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(stages))
    return figure


def _dense_lines(axis, dense: list[Group], trainings: list[str]) -> None:
    for g in dense:
        if g.label("training") in trainings:
            left = trainings.index(g.label("training"))
            axis.hlines(g.accuracy, left, left + 0.8, colors="black", linestyles="dotted")
