import pytest

from benchmarks.accuracy.lock import only_one


def test_work_folder_takes_one_run(tmp_path):
    with (
        only_one(tmp_path / "work"),
        pytest.raises(RuntimeError, match="Another run"),
        only_one(tmp_path / "work"),
    ):
        pass
    with only_one(tmp_path / "work"):
        pass
