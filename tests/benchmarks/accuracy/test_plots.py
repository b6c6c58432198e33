from benchmarks.accuracy import plots
from benchmarks.accuracy.cells import DENSE
from benchmarks.accuracy.summary import group


def _drawn(rows, tmp_path):
    """The pictures of some result lines as texts."""
    groups = list(group(rows).values())
    dense = [g for g in groups if g.label("stage") == DENSE]
    figures = plots.of_pruned(dense, [g for g in groups if g not in dense])
    return {
        name: plots.save(figure, tmp_path / f"{number}.svg").read_text()
        for number, (name, figure) in enumerate(figures.items())
    }


def test_redundancy_of_every_training(tmp_path, result_row):
    groups = group([result_row(0.8), result_row(0.9, training="samples")])
    path = plots.save(plots.redundancy(list(groups.values())), tmp_path / "a.svg")
    assert "<!-- samples -->" in path.read_text()


def test_missing_criteria_leave_gaps(tmp_path, result_row):
    rows = [
        result_row(0.8),
        result_row(0.6, criterion="pca", macs=0.5, stage="slice"),
        result_row(0.6, criterion="random", macs=0.5, stage="finetune"),
        result_row(0.6, criterion="pca", macs=0.25, stage="slice", training="samples"),
    ]
    pictures = _drawn(rows, tmp_path)
    assert list(pictures) == ["stages"]
    assert "25 % of MACs, slice" in pictures["stages"]


def test_one_training_needs_no_bars(tmp_path, result_row):
    rows = [result_row(0.8), result_row(0.6, criterion="pca", macs=0.5, stage="slice")]
    assert not _drawn(rows, tmp_path)


def test_many_criteria_get_a_picture_of_their_own(tmp_path, result_row):
    rows = [result_row(0.8), result_row(0.8, training="samples 0.1")]
    for number in range(6):
        labels = {"criterion": f"criterion{number}", "macs": 0.5}
        for stage in ("slice", "fold+finetune"):
            rows.append(result_row(0.1 * number, stage=stage, **labels))
    rows.append(result_row(0.5, criterion="criterion0", macs=0.5, stage="slice", training="a b"))
    pictures = _drawn(rows, tmp_path)
    assert list(pictures) == ["stages", "criteria_none"]
    assert "criterion5" in pictures["criteria_none"]
    # Bars compare trainings, so only what every training has is drawn.
    assert "criterion5" not in pictures["stages"]
