import errno
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tasks.job import Job, describe


def files(job):
    return sorted(path.name for path in job.folder.iterdir())


def start(settings):
    job = Job(settings)
    with job.opened(bytes_needed=1):
        pass
    return job


def test_looking_writes_nothing(make_settings):
    job = Job(make_settings())
    assert not job.folder.exists()


def test_notes_its_settings_once(make_settings):
    job = start(make_settings())
    noted = job.read_json("run.json")
    assert noted["flags"]["network"] == "resnet8" and noted["classes"] == ["blue", "green", "red"]
    before = job.path("run.json").stat().st_mtime_ns
    assert job.path("run.json").stat().st_mtime_ns == before
    start(make_settings())


def test_another_run_is_refused_with_the_flags_that_differ(make_settings):
    job = start(make_settings())
    with pytest.raises(
        ValueError, match=r"holds another run: --seed was 0 and is 1 now, --width was 0.25 and is"
    ):
        Job(make_settings("--seed=1", "--width=0.5"))
    assert job.read_json("run.json")["flags"]["seed"] == 0


def test_a_folder_of_something_else_is_refused(make_settings, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match="'thesis.txt' but no run.json"):
        Job(make_settings())
    assert os.listdir(tmp_path / "out") == ["thesis.txt"]


def test_other_images_are_refused(make_settings, images, tmp_path):
    start(make_settings())
    copy = tmp_path / "copy"
    shutil.copytree(images, copy)
    start(make_settings(f"--data_dir={copy}"))
    changed = np.full((32, 32, 3), 9, "uint8")
    Image.fromarray(changed).save(copy / "train" / "red" / "new.png")
    with pytest.raises(ValueError, match="images are not those.*37 \\+ .* now, 36 \\+ 12 training"):
        start(make_settings(f"--data_dir={copy}"))


def test_a_file_in_the_way(make_settings, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(NotADirectoryError, match="--output_dir is a file"):
        Job(make_settings())


def test_a_folder_that_cannot_be_written_to(make_settings, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *args: False)
    with pytest.raises(PermissionError, match="cannot be written to"):
        Job(make_settings())


def test_a_full_disk(make_settings, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=3_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    job = Job(make_settings())
    with pytest.raises(OSError, match="too full: 3 MB are free.*about 90 MB") as caught:
        with job.opened(bytes_needed=90_000_000):
            pass
    assert caught.value.errno == errno.ENOSPC
    assert files(job) == [".lock"]


def test_two_processes_in_one_folder(make_settings):
    first, second = Job(make_settings()), Job(make_settings())
    with first.opened(bytes_needed=1):
        with pytest.raises(BlockingIOError, match="Another process is at work"):
            with second.opened(bytes_needed=1):
                pass


def test_leftovers_of_a_killed_write_go(make_settings):
    job = start(make_settings())
    for name in (".dense_checkpoint.0123abcd.keras", ".report.deadbeef.json"):
        job.path(name).write_text("half")
    job.path(".bashrc").write_text("not ours")
    start(make_settings())
    assert files(job) == [".bashrc", ".lock", "run.json"]


def test_description_tells_data_sets_apart(make_settings):
    first, second = (Job(make_settings(f"--seed={seed}")).dataset for seed in (0, 1))
    assert describe(first).startswith("36 + 12 training and 24 test images of 3 classes")
    assert describe(first) != describe(second)
    assert json.dumps(describe(first))
