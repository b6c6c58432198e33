import dataclasses
import re

import pytest

from benchmarks.accuracy import report
from benchmarks.accuracy.matrix import load_cells, load_tables
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
    written = report.write(cells, results, tmp_path / "out", load_tables(tiny_matrix))
    text = written[0].read_text()
    # Dense networks without CCM-loss: cells 0 and 10, a spread of 10 points / sqrt(2).
    assert "| none | 55.00 ± 7.07 (2) | 0.400 | 0.200 | 75 % | 1.0 | 9 | 18 |" in text
    # The last cell has no result, so its group has one seed.
    assert "68.00 (1)" not in text and "58.00 (1)" not in text
    assert f"{len(cells) - 1} of {len(cells)} cells are done" in text
    assert re.search(r"## Missing cells\n\n.*\n.*\n\| samples \| 1 \| 1 \|", text)


def test_pictures_are_written_linked_and_the_same_again(tmp_path, tiny_matrix, results):
    cells = load_cells(tiny_matrix)
    text, *pictures = report.write(cells, results, tmp_path / "out", load_tables(tiny_matrix))
    names = [picture.name.removeprefix("accuracy_drawn_small_short_") for picture in pictures]
    assert names == ["redundancy.svg", "tiny_stages.svg"]
    before = [picture.read_bytes() for picture in pictures]
    for picture in pictures:
        assert f"({picture.name})" in text.read_text()
        assert b"<svg" in picture.read_bytes()
    report.write(cells, results, tmp_path / "out", load_tables(tiny_matrix))
    assert [picture.read_bytes() for picture in pictures] == before


def test_other_images_are_pointed_out(tmp_path, tiny_matrix, results):
    row = dict(results.get(load_cells(tiny_matrix)[0].id))
    other = {**row["record"]["data"], "sha256": "other"}
    row["record"] = {**row["record"], "data": other}
    results.add(row)
    text = report.write(load_cells(tiny_matrix), results, tmp_path, [])[0].read_text()
    assert "cannot be compared" in text


def test_renamed_entries_keep_their_results(tmp_path, tiny_matrix, results):
    renamed = [
        dataclasses.replace(cell, labels={**cell.labels, "network": "renamed"})
        for cell in load_cells(tiny_matrix)
    ]
    text = report.write(renamed, results, tmp_path, [])[0].read_text()
    assert "## drawn · renamed · short" in text


def test_no_results_is_an_error(tmp_path, tiny_matrix):
    with pytest.raises(ValueError, match="no results yet"):
        report.write(load_cells(tiny_matrix), Results(tmp_path / "none.jsonl"), tmp_path, [])


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
    written = report.write(cells, results, tmp_path / "out", load_tables(tiny_matrix))[
        0
    ].read_text()
    assert "| MACs | training | criterion | fold over slice |" in written
    assert "| 50 % | none | magnitude | +25.00 (to 50.00) |" in written


def test_a_table_holds_the_cells_of_its_experiments(tmp_path, tiny_matrix, results):
    head, tail = tiny_matrix.read_text().split("[[experiments]]")
    first = tail.replace('"magnitude", "random"', '"magnitude"')
    second = tail.replace('name = "tiny"', 'name = "b"\ntable = "By chance"')
    second = second.replace('"magnitude", "random"', '"random"')
    tiny_matrix.write_text(f"{head}[[experiments]]{first}[[experiments]]{second}")
    cells, tables = load_cells(tiny_matrix), load_tables(tiny_matrix)
    text = report.write(cells, results, tmp_path / "out", tables)[0].read_text()
    own, other = text.split("### tiny\n")[1].split("### By chance\n")
    assert "| magnitude |" in own and "| random |" not in own
    assert "| random |" in other and "| magnitude |" not in other


def test_networks_trained_after_pruning_are_set_against_their_size(tmp_path, tiny_matrix, results):
    cells = load_cells(tiny_matrix)
    for cell in cells:
        if cell.id in results:
            row = {**results.get(cell.id), "steps": list(cell.steps)}
            row["macs_count"] = 1e6 if cell.labels["macs"] else 2e6
            results.add(row)
    page, *pictures = report.write(cells, results, tmp_path / "out", [])
    assert pictures[-1].name.endswith("_front.svg")
    assert "### Accuracy against size" in page.read_text()
