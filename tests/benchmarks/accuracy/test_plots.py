from benchmarks.accuracy import plots
from benchmarks.accuracy.summary import group


def test_dense_only_draws_redundancy(tmp_path, result_row):
    groups = group([result_row(0.8), result_row(0.9, training="samples")])
    assert [path.name for path in plots.write(groups, tmp_path, "a")] == ["a_redundancy.svg"]


def test_missing_criteria_leave_gaps(tmp_path, result_row):
    rows = [
        result_row(0.8),
        result_row(0.6, criterion="pca", macs=0.5, stage="slice"),
        result_row(0.6, criterion="random", macs=0.5, stage="finetune"),
        result_row(0.6, criterion="pca", macs=0.25, stage="slice", training="samples"),
    ]
    paths = plots.write(group(rows), tmp_path, "a")
    assert [path.name for path in paths] == ["a_redundancy.svg", "a_stages.svg"]
    assert "25 % of MACs, slice" not in paths[0].read_text()
