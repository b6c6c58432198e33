"""Sentences about differences, with those that noise explains marked as such."""

from collections.abc import Sequence

from benchmarks.accuracy.summary import Group, noise, pooled_spread, within_noise_of_best


def rule(groups: Sequence[Group]) -> str:
    """When a difference counts."""
    text = (
        "A difference counts when it exceeds two standard errors: the larger of what the finite "
        "test set gives and what the spread over seeds gives (that of the two cells where both "
        "have three seeds, else pooled over the cells that are compared)."
    )
    if any(len(g.rows) < 2 for g in groups):
        text += (
            " Cells with one seed know nothing of their own spread: where no compared cell has "
            "two seeds, only the test set's part is known, and a difference that exceeds it is "
            "marked *one seed* because another seed may undo it."
        )
    return text


def of_dense(dense: Sequence[Group]) -> list[str]:
    """What the results of trained networks show among each other, as a Markdown list."""
    return _compare(dense, ["training"], "Dense")


def of_pruned(pruned: Sequence[Group], alternatives: Sequence[str] = ()) -> list[str]:
    """What the results of pruned networks show, as a Markdown list.

    Args:
        pruned: Groups of pruned networks.
        alternatives: Stages to compare with each other at every budget.

    Returns:
        One line per comparison. Without alternatives: for every budget and stage the best
        criterion of each training and the best training of each criterion.
    """
    if alternatives:
        return _between_stages([g for g in pruned if g.label("stage") in alternatives])
    lines = []
    for macs, stage in dict.fromkeys((g.label("macs"), g.label("stage")) for g in pruned):
        members = [g for g in pruned if (g.label("macs"), g.label("stage")) == (macs, stage)]
        where = f"{100 * macs:g} % of MACs, {stage}"
        for one, other in (("training", "criterion"), ("criterion", "training")):
            for value in dict.fromkeys(g.label(one) for g in members):
                same = [g for g in members if g.label(one) == value]
                lines += _compare(same, [other], f"{where}, {one} {value}")
    return lines


def _between_stages(groups: list[Group]) -> list[str]:
    """All ways to a budget beside each other, named by what tells them apart."""
    names = ("training", "criterion", "stage")
    differing = [name for name in names if len({g.label(name) for g in groups}) > 1]
    lines = []
    for macs in dict.fromkeys(g.label("macs") for g in groups):
        members = [g for g in groups if g.label("macs") == macs]
        lines += _compare(members, differing, f"{100 * macs:g} % of MACs")
    return lines


def _compare(groups: Sequence[Group], labels: Sequence[str], where: str) -> list[str]:
    if len(groups) < 2:
        return []
    spread = pooled_spread(groups)
    best, ties = within_noise_of_best(list(groups), spread)
    beaten = [g for g in groups if g is not best and g not in ties]
    text = f"- {where}: {_label(best, labels)} {best.accuracy:.2f} is highest"
    if ties:
        text += "; within noise of it: " + _names(ties, labels, best)
    if beaten:
        text += "; below it: " + ", ".join(
            f"{_name(g, labels, best)} (noise {noise(best, g, spread):.2f})" for g in beaten
        )
        if spread is None:
            text += " *one seed*"
    return [text + "."]


def _names(groups: list[Group], labels: Sequence[str], best: Group) -> str:
    return ", ".join(_name(g, labels, best) for g in groups)


def _name(g: Group, labels: Sequence[str], best: Group) -> str:
    return f"{_label(g, labels)} {g.accuracy - best.accuracy:+.2f}"


def _label(g: Group, labels: Sequence[str]) -> str:
    return " · ".join(str(g.label(label)) for label in labels)
