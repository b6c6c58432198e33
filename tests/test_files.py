import errno
import json
import os
import pathlib

import numpy as np
import pytest

from ccm_tf import files
from ccm_tf.files import atomic_path, discarding, write_text


def names(folder: pathlib.Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_atomic_path_moves_the_file_into_place(tmp_path):
    target = tmp_path / "model.keras"
    with files.atomic_path(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".keras"
        temporary.write_bytes(b"new")
        assert not target.exists()
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["model.keras"]


def test_atomic_path_takes_a_string_and_gives_usual_permissions(tmp_path):
    with files.atomic_path(str(tmp_path / "a.txt")) as temporary:
        temporary.write_text("x")
    (tmp_path / "b.txt").write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


def test_failing_block_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="in the middle"):
        with files.atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("in the middle")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    target = tmp_path / "a.txt"
    with files.atomic_path(target) as first, files.atomic_path(target) as second:
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"
    assert names(tmp_path) == ["a.txt"]


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="folder does not exist; create it first.*a.txt"):
        files.write_text(tmp_path / "none" / "a.txt", "x")
    assert names(tmp_path) == []


def test_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(NotADirectoryError, match="is a file, not a folder"):
        files.write_text(tmp_path / "folder" / "a.txt", "x")


def test_folder_in_place_of_the_file(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(IsADirectoryError, match="this is a folder"):
        files.write_text(tmp_path / "a.txt", "x")
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_write_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="cannot be written to"):
            files.write_text(tmp_path / "a.txt", "x")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    "number, sentence",
    [(errno.EROFS, "read-only file system"), (errno.EACCES, "change its permissions")],
)
def test_refusal_is_noticed_before_the_block_runs(tmp_path, monkeypatch, number, sentence):
    def refuse(self, *args, **kwargs):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(pathlib.Path, "open", refuse)
    with pytest.raises(OSError, match=sentence) as caught:
        with files.atomic_path(tmp_path / "a.txt"):
            pytest.fail("the block ran")
    assert caught.value.errno == number
    assert caught.value.filename == str(tmp_path / "a.txt")


def test_full_disk_while_writing(tmp_path):
    target = tmp_path / "a.txt"
    with pytest.raises(OSError, match="disk is full; nothing was written.*a.txt") as caught:
        with files.atomic_path(target):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC
    assert names(tmp_path) == []


def test_error_about_another_file_is_not_blamed_on_the_target(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        with files.atomic_path(tmp_path / "a.txt"):
            (tmp_path / "input.txt").read_text()
    assert caught.value.filename == str(tmp_path / "input.txt")
    assert names(tmp_path) == []


def test_write_text_is_utf8(tmp_path):
    files.write_text(tmp_path / "a.txt", "λ → ½\n")
    assert (tmp_path / "a.txt").read_bytes() == "λ → ½\n".encode()


def test_write_json_takes_numpy(tmp_path):
    value = {"a": np.float32(0.5), "b": np.arange(3), "c": [np.int64(2), None, "x", True]}
    files.write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == {"a": 0.5, "b": [0, 1, 2], "c": [2, None, "x", True]}
    assert text.endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("nan")])
def test_write_json_refuses_nan(tmp_path, value):
    with pytest.raises(ValueError, match="a.json.*Replace NaN and infinity by None"):
        files.write_json(tmp_path / "a.json", {"loss": value})
    assert names(tmp_path) == []


def test_write_json_refuses_other_types(tmp_path):
    with pytest.raises(TypeError, match="type set.*Received: {1}"):
        files.write_json(tmp_path / "a.json", {"a": {1}})
    assert names(tmp_path) == []


def test_what_is_discarded_leaves_no_trace(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with discarding():
        write_text(path, "never")
        with discarding(False), atomic_path(path) as temporary:
            temporary.write_text("nor this")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"] and path.read_text() == "before"
    write_text(path, "after")
    assert path.read_text() == "after"


def test_where_things_are_kept(monkeypatch):
    monkeypatch.delenv("CCM_TF_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert files.cache_folder() == pathlib.Path.home() / ".cache" / "ccm_tf"
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert files.cache_folder() == pathlib.Path("/elsewhere/ccm_tf")
    monkeypatch.setenv("CCM_TF_CACHE", "/mine")
    assert files.cache_folder() == pathlib.Path("/mine")
