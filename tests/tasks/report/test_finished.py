import json

import pytest

from tasks.report.finished import read_report
from tests.reporting import examples


def test_what_a_run_reported(tmp_path):
    (tmp_path / "report.json").write_text(json.dumps(examples.values()))
    assert read_report(tmp_path) == json.loads(json.dumps(examples.values()))


@pytest.mark.parametrize(
    "files,message",
    [
        ({}, "holds no run: neither run.json nor report.json"),
        ({"other.txt": ""}, "holds no run"),
        ({"run.json": "{}"}, "is not finished: it has no report.json. Give the command"),
        ({"report.json": '{"format": '}, "is damaged: .*Delete it"),
        ({"report.json": "[]"}, "is not a report of the format 'ccm_tf.report/1'"),
        ({"report.json": '{"dense": {}}'}, "is not a report .*another version wrote it"),
    ],
)
def test_folders_that_are_no_finished_run(tmp_path, files, message):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_report(tmp_path)


def test_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    for name, message in (("nowhere", "does not exist"), ("file", "is a file")):
        with pytest.raises(ValueError, match=f"{name}' {message}. Expected the output folder"):
            read_report(tmp_path / name)
