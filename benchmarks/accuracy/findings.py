"""Sentences about differences, with those that noise explains marked as such."""

from benchmarks.accuracy.summary import Group, noise, pooled_spread, within_noise_of_best


def findings(dense: list[Group], pruned: list[Group]) -> list[str]:
    """What the results show, as a Markdown list.

    Args:
        dense: Groups of trained networks.
        pruned: Groups of pruned networks.

    Returns:
        One line per comparison: dense networks among each other, then for every budget and stage
        the best criterion of each training and the best training of each criterion.
    """
    lines = [_rule(dense, pruned), ""]
    lines += _compare(dense, "training", "Dense")
    stages = dict.fromkeys((g.label("macs"), g.label("stage")) for g in pruned)
    for macs, stage in stages:
        members = [g for g in pruned if (g.label("macs"), g.label("stage")) == (macs, stage)]
        where = f"{100 * macs:g} % of MACs, {stage}"
        for training in dict.fromkeys(g.label("training") for g in members):
            same = [g for g in members if g.label("training") == training]
            lines += _compare(same, "criterion", f"{where}, training {training}")
        for criterion in dict.fromkeys(g.label("criterion") for g in members):
            same = [g for g in members if g.label("criterion") == criterion]
            lines += _compare(same, "training", f"{where}, criterion {criterion}")
    return lines


def _rule(dense: list[Group], pruned: list[Group]) -> str:
    rule = (
        "A difference counts when it exceeds two standard errors: the larger of what the finite "
        "test set gives and what the spread over seeds gives (pooled over the cells that are "
        "compared)."
    )
    if any(len(g.rows) < 2 for g in [*dense, *pruned]):
        rule += (
            " Cells with one seed know nothing of their own spread: where no compared cell has "
            "two seeds, only the test set's part is known, and a difference that exceeds it is "
            "marked *one seed* because another seed may undo it."
        )
    return rule


def _compare(groups: list[Group], label: str, where: str) -> list[str]:
    if len(groups) < 2:
        return []
    spread = pooled_spread(groups)
    best, ties = within_noise_of_best(groups, spread)
    beaten = [g for g in groups if g is not best and g not in ties]
    text = f"- {where}: {best.label(label)} {best.accuracy:.2f} is highest"
    if ties:
        text += "; within noise of it: " + _names(ties, label, best)
    if beaten:
        text += "; below it: " + ", ".join(
            f"{_name(g, label, best)} (noise {noise(best, g, spread):.2f})" for g in beaten
        )
        if spread is None:
            text += " *one seed*"
    return [text + "."]


def _names(groups: list[Group], label: str, best: Group) -> str:
    return ", ".join(_name(g, label, best) for g in groups)


def _name(g: Group, label: str, best: Group) -> str:
    return f"{g.label(label)} {g.accuracy - best.accuracy:+.2f}"
