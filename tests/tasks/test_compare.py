import json

import pytest
from absl import flags

from tasks import compare
from tests.reporting import examples
from tests.reporting.schema import check


@pytest.fixture
def folders(tmp_path):
    """Output folders of three finished runs."""
    made = []
    for name, report in examples.runs()[:3]:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "report.json").write_text(json.dumps(report))
        made.append(str(folder))
    return made


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Runs the program; returns its exit code."""

    def run(*arguments):
        values = flags.FlagValues()
        compare.define(values)
        given = ("program", f"--output_dir={tmp_path / 'compared'}", *arguments)
        left = values(given)
        monkeypatch.setattr(compare.flags, "FLAGS", values)
        return compare.main(left)

    return run


def test_a_page_and_its_numbers(program, folders, tmp_path, capsys):
    assert program(*folders) == 0
    out = tmp_path / "compared"
    assert capsys.readouterr().out == f"Comparison: {out / 'comparison.html'}\n"
    values = json.loads((out / "comparison.json").read_text())
    check(values, "comparison.schema.json")
    assert [run["name"] for run in values["runs"]] == ["run_0", "run_1", "run_2"]
    assert "run_2" in (out / "comparison.html").read_text(encoding="utf-8")


def test_bad_input_is_one_sentence_and_writes_nothing(program, folders, tmp_path, capsys):
    unfinished, file = tmp_path / "unfinished", tmp_path / "file"
    unfinished.mkdir()
    (unfinished / "run.json").write_text("{}")
    file.write_text("")
    for arguments, message in (
        ((), "Name the output folders of finished runs"),
        ((folders[0], folders[0] + "/"), "is named twice"),
        ((folders[0], str(tmp_path)), "holds no run"),
        ((folders[0], str(unfinished)), "is not finished"),
        ((folders[0], str(tmp_path / "nowhere")), "does not exist"),
        ((folders[0], f"--output_dir={file}"), "is a file; take another"),
        ((folders[0], f"--output_dir={file}/below"), "is a file; take another"),
    ):
        assert program(*arguments) == 1, arguments
        said = capsys.readouterr().err
        assert said.startswith("error: ") and message in said and said.count("\n") == 1, said
        assert not (tmp_path / "compared").exists()


def test_what_is_there_is_left_alone_when_a_run_is_bad(program, folders, tmp_path):
    assert program(*folders) == 0
    page = tmp_path / "compared" / "comparison.html"
    before = page.read_bytes()
    assert program(folders[0], str(tmp_path)) == 1
    assert page.read_bytes() == before
