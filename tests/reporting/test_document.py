import json

import pytest

from ccm_tf.reporting.document import Report
from tests.reporting import examples


def report(**changes):
    content = examples.content(**changes)
    return Report(content.values, content.matrices)


def test_page_and_numbers_side_by_side(tmp_path):
    made = report()
    made.save(tmp_path / "here.html")
    assert (tmp_path / "here.html").read_text(encoding="utf-8") == made.html()
    assert json.loads((tmp_path / "here.json").read_text()) == made.values
    assert len(list(tmp_path.iterdir())) == 2


def test_prints_as_a_table():
    assert str(report()).splitlines()[2].startswith("dense")


@pytest.mark.parametrize(
    "name,error,message",
    [
        ("page.htm", ValueError, "ends in '.html'. Received: '.*page.htm'"),
        ("nowhere/page.html", FileNotFoundError, "The folder does not exist"),
        ("file/page.html", NotADirectoryError, "is a file, not a folder"),
        ("folder.html", IsADirectoryError, "this is a folder"),
    ],
)
def test_paths_that_cannot_be_written_to(tmp_path, name, error, message):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.html").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(error, match=message):
        report().save(tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_both_files_or_neither(tmp_path):
    page = tmp_path / "report.html"
    page.write_text("old")
    bad = report(title="x", story=float("nan"))
    with pytest.raises(ValueError, match="report.json' as JSON"):
        bad.save(page)
    assert page.read_text() == "old" and list(tmp_path.iterdir()) == [page]
