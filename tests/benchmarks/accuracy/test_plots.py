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


def test_many_criteria_get_a_picture_of_their_own(tmp_path, result_row):
    rows = [result_row(0.8), result_row(0.8, training="samples 0.1")]
    for number in range(6):
        labels = {"criterion": f"criterion{number}", "macs": 0.5}
        for stage in ("slice", "fold+finetune"):
            rows.append(result_row(0.1 * number, stage=stage, **labels))
    rows.append(result_row(0.5, criterion="criterion0", macs=0.5, stage="slice", training="a b"))
    paths = plots.write(group(rows), tmp_path, "a")
    assert [path.name for path in paths][2:] == ["a_criteria_none.svg"]
    assert "criterion5" in paths[2].read_text()
    # Bars compare trainings, so only what every training has is drawn.
    assert "criterion5" not in paths[1].read_text()
