import os

import pytest

from tasks.quiet import quietly


def test_swallows_what_libraries_write(capfd):
    with quietly():
        os.write(2, b"found no GPU\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_a_failure_shows_what_was_written(capfd):
    with pytest.raises(ImportError):
        with quietly():
            os.write(2, b"library not found\n")
            raise ImportError
    assert capfd.readouterr().err == "library not found\n"


def test_leaves_the_users_log_level(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with quietly():
        pass
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
