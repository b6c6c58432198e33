import json

import pytest

from benchmarks.accuracy.results import Results


def test_lines_survive(tmp_path):
    results = Results(tmp_path / "deep" / "results.jsonl")
    results.add({"id": "a", "test_accuracy": 0.5})
    results.add({"id": "b", "test_accuracy": 0.6})
    again = Results(results.path)
    assert len(again) == 2
    assert again.get("b")["test_accuracy"] == 0.6
    assert "c" not in again
    assert again.get("c") is None


def test_a_cell_has_one_line(tmp_path):
    results = Results(tmp_path / "results.jsonl")
    results.add({"id": "a", "test_accuracy": 0.5})
    results.add({"id": "a", "test_accuracy": 0.7})
    lines = results.path.read_text().splitlines()
    assert [json.loads(line)["test_accuracy"] for line in lines] == [0.7]


def test_lines_of_another_process_are_kept(tmp_path):
    one, other = Results(tmp_path / "results.jsonl"), Results(tmp_path / "results.jsonl")
    one.add({"id": "a"})
    other.add({"id": "b"})
    assert len(Results(one.path)) == 2


def test_nan_is_refused_and_the_file_stays(tmp_path):
    results = Results(tmp_path / "results.jsonl")
    results.add({"id": "a"})
    with pytest.raises(ValueError):
        results.add({"id": "b", "test_accuracy": float("nan")})
    assert len(Results(results.path)) == 1


def test_broken_line_is_numbered(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text('{"id": "a"}\n{"id": \n')
    with pytest.raises(ValueError, match="Line 2"):
        Results(path)
