import json

import pytest

from benchmarks.accuracy.__main__ import main
from benchmarks.accuracy.matrix import load_cells
from benchmarks.accuracy.results import Results


@pytest.fixture
def options(tmp_path, tiny_matrix, drawn):
    return [
        f"--data_dir={drawn}",
        f"--work_dir={tmp_path / 'work'}",
        f"--results={tmp_path / 'results' / 'accuracy.jsonl'}",
        f"--matrix={tiny_matrix}",
        "--threads=0",
    ]


def test_run_list_and_report(options, tmp_path, capsys):
    assert main([*options, "--only=stage=dense", "--only=seed=0", "--only=training=none"]) == 0
    assert main([*options, "--list"]) == 0
    assert "1 of 20 cells done" in capsys.readouterr().out
    assert main([*options, "--report"]) == 0
    text = (tmp_path / "results" / "accuracy.md").read_text()
    assert "1 of 20 cells are done" in text


def test_fewer_epochs_and_images(options, tmp_path):
    once = [*options, "--only=stage=dense", "--only=seed=0", "--only=training=none"]
    assert main([*once, "--epochs=0.34", "--images=6"]) == 0
    (line,) = (tmp_path / "results" / "accuracy.jsonl").read_text().splitlines()
    row = json.loads(line)
    assert row["test_images"] == 6 and row["record"]["data"]["train_images"] == 6
    assert len(row["record"]["epochs"]) == 1


def test_results_of_shorter_runs_have_a_file_of_their_own(monkeypatch, tmp_path):
    import benchmarks.accuracy.__main__ as program

    monkeypatch.setattr(program, "_RESULTS", tmp_path)
    seen = []
    monkeypatch.setattr(program, "_act", lambda options, *_: seen.append(options.results.name) or 0)
    main(["--protocol=paper", "--epochs=0.005"])
    main(["--protocol=paper"])
    assert seen == ["paper_short.jsonl", "paper.jsonl"]


def test_time_that_is_up_is_said_and_nothing_is_lost(options, capsys):
    once = [*options, "--only=stage=dense", "--only=seed=0", "--only=training=none"]
    assert main([*once, "--minutes=0"]) == 3
    assert "the same command goes on" in capsys.readouterr().out


def test_protocols_have_matrix_and_results_of_their_own(capsys, tmp_path):
    assert main(["--protocol=paper", "--list", "--only=network=resnet110"]) == 0
    assert "retrain 600" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--only=colour=red"], "label=value"),
        (["--only=seed=7"], "No cell matches"),
        (["--report"], "no results yet"),
    ],
)
def test_bad_input_is_one_sentence(options, capsys, more, message):
    assert main([*options, *more]) == 2
    assert message in capsys.readouterr().err


def test_missing_data_folder_fails_the_cells(options, tmp_path, capsys):
    gone = [*options, f"--data_dir={tmp_path / 'gone'}", "--only=seed=0", "--only=stage=dense"]
    assert main(gone) == 1
    assert "failed: drawn" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.long
def test_whole_matrix(options, tmp_path):
    assert main(options) == 0
    results = Results(tmp_path / "results" / "accuracy.jsonl")
    cells = load_cells(tmp_path / "matrix.toml")
    for cell in cells:
        row, dense = results.get(cell.id), results.get(_dense(cell).id)
        if cell.parent is not None:
            assert row["macs_count"] <= 0.5 * dense["macs_count"]
            assert row["params"] < dense["params"]
    assert main([*options, "--report"]) == 0
    assert "Nothing is missing." in (tmp_path / "results" / "accuracy.md").read_text()


def _dense(cell):
    return cell if cell.parent is None else _dense(cell.parent)
