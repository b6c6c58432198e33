import json

import pytest

from tasks.report.values import history, show
from tests.reporting.schema import check


@pytest.mark.tensorflow
def test_a_run_writes_a_report_as_the_schema_says(finished):
    check(finished.read_json("report.json"))


@pytest.mark.tensorflow
def test_history_of_what_was_trained(finished):
    assert len(history(finished, "dense")) == 2
    assert history(finished, "pruned") == []


def test_a_report_of_another_version_is_said_to_be_one(tmp_path, capsys):
    class Folder:
        def path(self, name):
            return tmp_path / name

        def read_json(self, name):
            return json.loads(self.path(name).read_text())

    (tmp_path / "report.json").write_text('{"dense": {}}')
    show(Folder())
    assert "was written by another version. Delete it" in capsys.readouterr().out
