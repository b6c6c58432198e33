import pytest

from benchmarks.accuracy.__main__ import main


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
