from benchmarks.accuracy.listing import listing
from benchmarks.accuracy.matrix import load_cells
from benchmarks.accuracy.results import Results


def test_times_of_missing_cells_come_from_done_ones(tmp_path, tiny_matrix, result_row):
    cells = [c for c in load_cells(tiny_matrix) if c.labels["stage"] == "dense"]
    results = Results(tmp_path / "results.jsonl")
    results.add({**result_row(0.9), "id": cells[0].id})
    lines = listing(cells, results).splitlines()
    assert lines[0].startswith("done") and lines[0].endswith("90.00 %")
    assert [line.split()[0] for line in lines[1:-1]] == ["missing"] * 3
    assert lines[1].endswith("1.0 min")
    assert lines[-1] == "1 of 4 cells done, 3 missing, about 3.0 min"


def test_nothing_done_means_unknown_times(tmp_path, tiny_matrix):
    lines = listing(load_cells(tiny_matrix), Results(tmp_path / "none.jsonl")).splitlines()
    assert lines[0].endswith("unknown")
    assert lines[-1] == "0 of 20 cells done, 20 missing and 20 cells of unknown length"


def test_everything_done(tmp_path, tiny_matrix, result_row):
    cells = load_cells(tiny_matrix)[:1]
    results = Results(tmp_path / "results.jsonl")
    results.add({**result_row(0.9), "id": cells[0].id})
    assert listing(cells, results).splitlines()[-1] == "1 of 1 cells done, 0 missing"
