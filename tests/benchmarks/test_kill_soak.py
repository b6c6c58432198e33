import subprocess
import sys

import keras
import numpy as np
import pytest

from benchmarks import kill_soak

WAIT = "import sys; sys.stdin.read()"


@pytest.fixture
def workers():
    command = [sys.executable, "-c", WAIT]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(2)]
    yield started
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()


@pytest.mark.parametrize("victim", kill_soak.VICTIMS)
def test_nobody_is_left(victim, workers, tmp_path, monkeypatch):
    monkeypatch.setattr(kill_soak, "GRACE", 0.3)
    (tmp_path / "dense.keras").touch()
    (tmp_path / ".lock").touch()
    done = kill_soak.kill(workers, victim, 1.5, tmp_path)
    assert done == kill_soak.Kill(victim, 1.5, ["dense.keras"], None)
    assert all(process.poll() is not None for process in workers)


def test_who_notices_is_timed(workers, tmp_path):
    workers[1].stdin.close()
    done = kill_soak.kill(workers, "chief", 0.0, tmp_path / "nothing")
    assert done.files == [] and done.survivor < kill_soak.GRACE
    workers[1].stdin = open(tmp_path / "closed", "w")


def test_largest_difference(tmp_path):
    for folder, value in (("one", 1.0), ("other", 1.25)):
        (tmp_path / folder).mkdir()
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.set_weights([np.full((2, 1), value), np.zeros(1)])
        for name in kill_soak.NETWORKS:
            model.save(tmp_path / folder / f"{name}.keras")
    assert kill_soak.difference(tmp_path / "one", tmp_path / "other") == 0.25
    assert kill_soak.difference(tmp_path / "one", tmp_path / "one") == 0.0
