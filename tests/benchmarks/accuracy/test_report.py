import dataclasses
import re

import pytest

from benchmarks.accuracy import report
from benchmarks.accuracy.matrix import load_cells
from benchmarks.accuracy.results import Results


@pytest.fixture
def results(tmp_path, tiny_matrix, result_row):
    """Everything but one cell; accuracies that tell the cells apart."""
    results = Results(tmp_path / "accuracy.jsonl")
    for number, cell in enumerate(load_cells(tiny_matrix)[:-1]):
        results.add({**result_row(0.5 + number / 100, **cell.labels), "id": cell.id})
    return results


def test_tables_hold_the_numbers_of_the_lines(tmp_path, tiny_matrix, results):
    cells = load_cells(tiny_matrix)
    written = report.write(cells, results, tmp_path / "out")
    text = written[0].read_text()
    # Dense networks without CCM-loss: cells 0 and 10, a spread of 10 points / sqrt(2).
    assert "| none | 55.00 ± 7.07 (2) | 0.400 | 0.200 | 75 % | 1.0 | 9 | 18 |" in text
    # The last cell has no result, so its group has one seed.
    assert "68.00 (1)" not in text and "58.00 (1)" not in text
    assert f"{len(cells) - 1} of {len(cells)} cells are done" in text
    assert re.search(r"## Missing cells\n\n.*\n.*\n\| samples \| 1 \| 1 \|", text)


def test_pictures_are_written_linked_and_the_same_again(tmp_path, tiny_matrix, results):
    cells = load_cells(tiny_matrix)
    text, *pictures = report.write(cells, results, tmp_path / "out")
    assert len(pictures) == 2
    before = [picture.read_bytes() for picture in pictures]
    for picture in pictures:
        assert f"({picture.name})" in text.read_text()
        assert b"<svg" in picture.read_bytes()
    report.write(cells, results, tmp_path / "out")
    assert [picture.read_bytes() for picture in pictures] == before


def test_other_images_are_pointed_out(tmp_path, tiny_matrix, results):
    row = dict(results.get(load_cells(tiny_matrix)[0].id))
    other = {**row["record"]["data"], "sha256": "other"}
    row["record"] = {**row["record"], "data": other}
    results.add(row)
    text = report.write(load_cells(tiny_matrix), results, tmp_path)[0].read_text()
    assert "cannot be compared" in text


def test_renamed_entries_keep_their_results(tmp_path, tiny_matrix, results):
    renamed = [
        dataclasses.replace(cell, labels={**cell.labels, "network": "renamed"})
        for cell in load_cells(tiny_matrix)
    ]
    text = report.write(renamed, results, tmp_path)[0].read_text()
    assert "## drawn · renamed · short" in text


def test_no_results_is_an_error(tmp_path, tiny_matrix):
    with pytest.raises(ValueError, match="no results yet"):
        report.write(load_cells(tiny_matrix), Results(tmp_path / "none.jsonl"), tmp_path)


def test_what_folding_gains(tmp_path, tiny_matrix, result_row):
    text = tiny_matrix.read_text().replace("[stages]", '[stages]\nfold = ["fold"]')
    tiny_matrix.write_text(
        text.replace('stages = ["slice", "finetune"]', 'stages = ["slice", "fold"]')
    )
    cells = load_cells(tiny_matrix)
    results = Results(tmp_path / "accuracy.jsonl")
    for cell in cells:
        accuracy = {"dense": 0.9, "slice": 0.25, "fold": 0.5}[cell.labels["stage"]]
        results.add({**result_row(accuracy, **cell.labels), "id": cell.id})
    written = report.write(cells, results, tmp_path / "out")[0].read_text()
    assert "| MACs | training | criterion | fold over slice |" in written
    assert "| 50 % | none | magnitude | +25.00 (to 50.00) |" in written
