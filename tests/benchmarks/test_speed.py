import json
import shutil

import pytest

from benchmarks import speed
from benchmarks.speed import MEASUREMENTS, RESULTS, Figure, main


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_committed_files_can_be_read(name):
    """A benchmark that writes another file than before is noticed here."""
    found = speed.figures(RESULTS)[name]
    assert found
    assert all(figure.value > 0 and figure.what for figure in found)


def test_committed_table_is_that_of_the_committed_files(tmp_path):
    for measurement in MEASUREMENTS.values():
        shutil.copy(RESULTS / measurement.file, tmp_path)
    assert main(["--report", f"--folder={tmp_path}"]) == 0
    for name in ("speed.md", "speed.json"):
        assert (tmp_path / name).read_text() == (RESULTS / name).read_text(), (
            "run `python -m benchmarks.speed --report`"
        )


@pytest.mark.parametrize(
    ("value", "target", "met"), [(1.0, 1.5, True), (1.5, 1.5, True), (1.6, 1.5, False)]
)
def test_targets(value, target, met):
    assert Figure("x", value, target).met is met
    assert Figure("x", value).met is None


def test_a_row_says_whether_the_target_is_met():
    text = speed.page({"kfe": [Figure("ours", 0.8123, 1.5), Figure("theirs", 2.0, 0.5, "s")]})
    assert "| `kfe` | ours | 0.812 × | 1.5 × | yes |" in text
    assert "| `kfe` | theirs | 2 s | 0.5 s | no |" in text
    assert "Not measured yet: `ccm_overhead`" in text


def test_programs_run_in_turn_and_failures_are_named(tmp_path, monkeypatch, capsys):
    calls = []

    def started(command, check):
        calls.append(command[1:])
        name = command[2].split(".")[1]
        if name == "relevance":
            return type("Result", (), {"returncode": 1})
        row = {"network": "small", "ratio": 1.01, "target": 1.03}
        (tmp_path / f"{name}.json").write_text(json.dumps({"results": [row]}))
        return type("Result", (), {"returncode": 0})

    monkeypatch.setattr(speed.subprocess, "run", started)
    only = ["--only=recovery", "--only=relevance", f"--folder={tmp_path}"]
    assert main(only) == 1
    file = tmp_path / "recovery.json"
    assert calls[0] == ["-m", "benchmarks.recovery", f"--output={file}"]
    captured = capsys.readouterr()
    assert "failed: relevance" in captured.err
    assert "small | 1.01 × | 1.03 × | yes |" in captured.out


def test_nothing_to_report(tmp_path, capsys):
    assert main(["--report", f"--folder={tmp_path}"]) == 2
    assert "no measurements" in capsys.readouterr().err
