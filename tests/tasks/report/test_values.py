import json

import pytest

from tasks.report.values import history, rounds, show
from tests.reporting.schema import check


@pytest.fixture
def folder(tmp_path):
    """A job's folder, and nothing else of a job."""

    class Folder:
        def path(self, name):
            return tmp_path / name

        def read_json(self, name):
            return json.loads(self.path(name).read_text())

    return Folder()


@pytest.mark.tensorflow
def test_a_run_writes_a_report_as_the_schema_says(finished):
    check(finished.read_json("report.json"))


@pytest.mark.tensorflow
def test_history_of_what_was_trained(finished):
    assert len(history(finished, "dense")) == 2
    assert history(finished, "pruned") == []


def test_rounds_in_their_order(folder):
    assert rounds(folder) == []
    (folder.path("rounds")).mkdir()
    for number in (2, 1):
        text = json.dumps({"number": number, "score": None, "params": 7, "macs": 9, "seconds": 1})
        (folder.path("rounds") / f"round-0{number}.json").write_text(text)
    (folder.path("rounds") / "round-01-recovered_history.json").write_text("[]")
    assert rounds(folder) == [
        {"round": number, "score": None, "params": 7, "macs": 9} for number in (1, 2)
    ]


def test_a_report_of_another_version_is_said_to_be_one(folder, capsys):
    folder.path("report.json").write_text('{"dense": {}}')
    show(folder)
    assert "was written by another version. Delete it" in capsys.readouterr().out
