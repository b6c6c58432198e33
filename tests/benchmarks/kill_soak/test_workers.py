import subprocess
import sys

import pytest

from benchmarks.kill_soak import workers as module
from benchmarks.kill_soak.draws import VICTIMS
from benchmarks.kill_soak.workers import Workers

# Stands in for the program: says something, and ends when its output folder appears.
PROGRAM = (
    "import os, sys, time\n"
    "print('begun', flush=True)\n"
    "while not os.path.exists(sys.argv[-1].removeprefix('--output_dir=')): time.sleep(0.01)\n"
    "sys.exit(int(sys.argv[-2]))\n"
)


@pytest.fixture
def start(monkeypatch, tmp_path):
    started = []
    popen = subprocess.Popen

    def replaced(command, **options):
        return popen([sys.executable, "-c", PROGRAM, *command[3:]], **options)

    monkeypatch.setattr(module.subprocess, "Popen", replaced)

    def begin(status=0):
        started.append(Workers([str(status)], 2, tmp_path / "out"))
        return started[-1]

    yield begin
    for workers in started:
        workers.end()


@pytest.mark.parametrize("victim", VICTIMS)
def test_nobody_is_left(victim, start, monkeypatch):
    monkeypatch.setattr(module, "GRACE", 0.3)
    workers = start()
    assert workers.running
    assert workers.kill(victim) is None
    assert not workers.running


def test_who_notices_is_timed(start, tmp_path):
    workers = start()
    (tmp_path / "out").mkdir()
    workers.processes[1].wait(60)
    assert workers.kill("chief") < module.GRACE


def test_waits_for_the_end(start, tmp_path):
    good = start()
    (tmp_path / "out").mkdir()
    assert good.ended_well(60)
    assert good.log() == "begun\n"
    assert not start(3).ended_well(60)


def test_each_start_reads_its_own_part_of_the_log(start, tmp_path):
    (tmp_path / "out").mkdir()
    start().ended_well(60)
    again = start()
    again.ended_well(60)
    assert again.log() == "begun\n"
