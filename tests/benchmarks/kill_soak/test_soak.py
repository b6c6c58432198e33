import json

import keras
import numpy as np
import pytest

from benchmarks.kill_soak import __main__ as program
from benchmarks.kill_soak import soak as module
from benchmarks.kill_soak.phases import Phase
from benchmarks.kill_soak.soak import NETWORKS, Soak, difference

OPTIONS = {"kills": 3, "seed": 0, "workers": 2, "per_run": 2, "timeout": 1.0, "flags": []}
EPOCHS = ("epoch 1/2  loss 1  0.0 s", "epoch 2/2  loss 1  0.0 s")
STAGES = ("train", "select", "rewrite", "finetune")


class Fake:
    """Workers that come to the next line of a whole run each time that somebody looks."""

    def __init__(self, output, killed):
        output.mkdir(exist_ok=True)
        self.lines = [
            line
            for number, stage in enumerate(STAGES, start=1)
            for line in (f"[{number}/4] {stage}: work", *EPOCHS, f"      {stage} took 0.0 s")
        ]
        self.seen, self.killed = 0, killed

    @property
    def running(self):
        return self.seen < len(self.lines)

    def pause(self):
        self.seen += 1

    def log(self):
        return "\n".join(self.lines[: self.seen]) + "\n"

    def ended_well(self, seconds):
        self.seen = len(self.lines)
        return True

    def kill(self, victim):
        self.killed.append(victim)
        return 1.0

    def end(self):
        pass


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "difference", lambda one, other: 0.0)
    killed = []

    def made(**options):
        return Soak(tmp_path, OPTIONS | options, lambda output: Fake(output, killed)), killed

    return made


def test_all_kills_come_and_every_run_is_finished(make):
    soak, killed = make()
    steps = 1
    while soak.step():
        steps += 1
    # Undisturbed; two kills and the end of the first run; one kill and the end of the second.
    assert steps == 6
    assert killed == [kill["victim"] for kill in soak.state["kills"]] and len(killed) == 3
    assert soak.state["largest_differences"] == [0.0, 0.0] and soak.state["missed"] == 0
    for kill in soak.state["kills"]:
        stage = module.PHASES[kill["phase"]].stage
        assert kill["last_line"] in (f"[{STAGES.index(stage) + 1}/4] {stage}: work", EPOCHS[0])


def test_goes_on_from_disk(make, tmp_path):
    soak, _ = make()
    soak.step()
    soak.step()
    before = json.loads((tmp_path / "state.json").read_text())
    again, killed = make()
    assert again.state == before and len(before["kills"]) == 1
    while again.step():
        pass
    assert len(killed) == len(again.state["kills"]) == 3
    done = (tmp_path / "state.json").read_text()
    assert not make()[0].step() and (tmp_path / "state.json").read_text() == done


def test_a_run_that_is_faster_leaves_its_kills_to_the_next(make, monkeypatch):
    soak, killed = make()
    soak.step()
    monkeypatch.setattr(Phase, "delay", lambda self, log, place, seconds: 1e6)
    soak.step()
    assert not killed and soak.state["missed"] == 2 and len(soak.state["left"]) == 3


def test_workers_that_fail_by_themselves_are_started_again(make, monkeypatch):
    soak, killed = make()
    soak.step()
    with monkeypatch.context() as patched:
        patched.setattr(Phase, "delay", lambda self, log, place, seconds: None)
        patched.setattr(Fake, "ended_well", lambda self, seconds: False)
        assert all(soak.step() for _ in range(4))
        assert soak.state["failures"] == 4 and not soak.state["largest_differences"]
        with pytest.raises(SystemExit, match="failed 5 times in a row"):
            soak.step()
    again, killed = make()
    assert again.state["failures"] == 5
    again.state["failures_in_a_row"] = 0
    while again.step():
        pass
    assert len(killed) == 3


def test_other_options_are_another_soak(make):
    soak, _ = make()
    soak.step()
    with pytest.raises(ValueError, match="other options: .*Take another --work_dir"):
        make(seed=1)


def test_the_result_says_what_happened(make):
    soak, _ = make()
    while soak.step():
        pass
    result = program.described(soak.state)
    assert (result["finished_runs"], result["kills_left"], len(result["kills"])) == (2, 0, 3)


def test_largest_difference(tmp_path):
    for folder, value in (("one", 1.0), ("other", 1.25)):
        (tmp_path / folder).mkdir()
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.set_weights([np.full((2, 1), value), np.zeros(1)])
        for name in NETWORKS:
            model.save(tmp_path / folder / f"{name}.keras")
    assert difference(tmp_path / "one", tmp_path / "other") == 0.25
    assert difference(tmp_path / "one", tmp_path / "one") == 0.0
