from benchmarks.accuracy.findings import of_dense, of_pruned, rule
from benchmarks.accuracy.summary import group


def _groups(rows):
    return list(group(rows).values())


def test_one_seed_is_marked(result_row):
    dense = _groups([result_row(0.7, training="a"), result_row(0.8, training="b")])
    text = "\n".join([rule(dense), *of_dense(dense)])
    assert "Dense: b 80.00 is highest; below it: a -10.00" in text
    assert "*one seed*" in text


def test_ties_are_named_and_not_called_worse(result_row):
    dense = _groups([result_row(0.800, training="a"), result_row(0.802, training="b")])
    text = "\n".join([rule(dense), *of_dense(dense)])
    assert "within noise of it: a -0.20" in text
    assert "below it" not in text


def test_two_seeds_are_not_marked(result_row):
    rows = [
        result_row(accuracy + 0.001 * seed, seed=seed, training=training)
        for training, accuracy in (("a", 0.7), ("b", 0.8))
        for seed in (0, 1)
    ]
    text = "\n".join([rule(_groups(rows)), *of_dense(_groups(rows))])
    assert "below it: a" in text
    assert "one seed" not in text


def test_criteria_are_compared_within_budget_and_stage(result_row):
    pruned = _groups(
        result_row(accuracy, criterion=criterion, macs=macs, stage="slice")
        for macs, criterion, accuracy in (
            (0.5, "pca", 0.6),
            (0.5, "random", 0.4),
            (0.25, "pca", 0.3),
        )
    )
    lines = of_pruned(pruned)
    assert len(lines) == 1
    assert lines[0].startswith("- 50 % of MACs, slice, training none: pca 60.00 is highest")


def test_alternatives_are_compared_with_each_other(result_row):
    pruned = _groups(
        result_row(accuracy, criterion=criterion, macs=macs, stage=stage)
        for macs, criterion, stage, accuracy in (
            (0.5, "pca", "finetune", 0.8),
            (0.5, "eigendamage", "eigen+finetune", 0.7),
            (0.5, "pca", "slice", 0.1),
            (0.2, "pca", "finetune", 0.6),
        )
    )
    (line,) = of_pruned(pruned, ("finetune", "eigen+finetune"))
    assert line.startswith("- 50 % of MACs: pca · finetune 80.00 is highest; below it: eigendamage")
    assert "slice" not in line
