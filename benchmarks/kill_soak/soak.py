"""The soak itself: runs that are killed as drawn, with all that happened on disk."""

import functools
import json
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.kill_soak.draws import drawn, next_run
from benchmarks.kill_soak.phases import PHASES, durations
from benchmarks.kill_soak.workers import Workers, core_seconds
from ccm_tf.files import write_json

NETWORKS = ("dense", "pruned", "finetuned")
_UNDISTURBED = "undisturbed"
# Workers on a busy machine may take each other for lost.
_MOST_FAILURES = 5


class Soak:
    """A soak that goes on where an earlier process stopped.

    Args:
        folder: Where runs live, and `state.json` with all that happened.
        options: Whatever decides what is done: `kills`, `seed`, `workers`, `flags`, `per_run`
            (kills that one run suffers) and `timeout` in seconds for one launch.
        start: Starts workers in an output folder. Defaults to `Workers`.

    Attributes:
        state: All that happened.

    Raises:
        ValueError: If the folder holds a soak with other options.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        options: dict[str, Any],
        start: Callable[[pathlib.Path], Any] | None = None,
    ):
        self.folder = folder
        self.options = options
        self._start = start or functools.partial(Workers, options["flags"], options["workers"])
        self._path = folder / "state.json"
        folder.mkdir(parents=True, exist_ok=True)
        if self._path.is_file():
            self.state = json.loads(self._path.read_text(encoding="utf-8"))
            if self.state["options"] != options:
                raise ValueError(
                    f"'{folder}' holds a soak with other options: {self.state['options']} there, "
                    f"{options} now. Take another --work_dir."
                )
            return
        self.state = {
            "options": options,
            "left": drawn(options["kills"], options["seed"]),
            "run": None,
            "seconds_of_stages": {},
            "core_seconds": 0.0,
            "kills": [],
            "missed": 0,
            "failures": 0,
            "failures_in_a_row": 0,
            "largest_differences": [],
        }

    def step(self) -> bool:
        """Starts the workers once and lets them run to their end or to the next kill.

        Returns:
            Whether there is more to do.
        """
        state, before = self.state, core_seconds()
        if state["seconds_of_stages"] and not state["left"] and state["run"] is None:
            return False
        if not state["seconds_of_stages"]:
            self._undisturbed()
        else:
            if state["run"] is None:
                chosen = next_run(state["left"], self.options["per_run"])
                state["run"] = chosen
            self._disturbed(state["run"])
        state["core_seconds"] += core_seconds() - before
        write_json(self._path, state)
        return bool(state["left"]) or state["run"] is not None

    def _undisturbed(self) -> None:
        workers = self._start(self.folder / _UNDISTURBED)
        try:
            if not workers.ended_well(self.options["timeout"]):
                sys.exit(f"A worker of the undisturbed run failed; see '{self.folder}'.")
        finally:
            workers.end()
        self.state["seconds_of_stages"] = durations(workers.log())

    def _disturbed(self, planned: list[dict]) -> None:
        state = self.state
        output = self.folder / f"disturbed_{len(state['largest_differences'])}"
        workers = self._start(output)
        try:
            while planned:
                kill = planned.pop(0)
                if self._comes(workers, kill):
                    self._killed(workers, kill, output)
                    return
                # The run was faster than that: the kill is left for the next one.
                state["missed"] += 1
            if not workers.ended_well(self.options["timeout"]):
                self._failed()
                return
        finally:
            workers.end()
        state["run"] = None
        found = difference(self.folder / _UNDISTURBED, output)
        state["largest_differences"].append(found)
        print(f"finished; largest difference of a weight: {found}", flush=True)

    def _failed(self) -> None:
        """Notes that workers ended by themselves; as after a kill, the same command goes on."""
        self.state["failures_in_a_row"] += 1
        self.state["failures"] += 1
        if self.state["failures_in_a_row"] == _MOST_FAILURES:
            write_json(self._path, self.state)
            sys.exit(f"The workers failed {_MOST_FAILURES} times in a row; see '{self.folder}'.")
        print("A worker failed by itself; the same command goes on.", flush=True)

    def _comes(self, workers: Any, kill: dict) -> bool:
        """Waits for the moment of a kill; `False` if the run was faster."""
        phase, seconds = PHASES[kill["phase"]], self.state["seconds_of_stages"]
        moment = None
        while workers.running:
            log = workers.log()
            ended = durations(log)
            for stage, took in ended.items():
                seconds[stage] = min(took, seconds[stage])
            if phase.stage in ended:
                return False
            if moment is None:
                delay = phase.delay(log, kill["place"], seconds)
                moment = None if delay is None else time.monotonic() + delay
            if moment is not None and time.monotonic() >= moment:
                return True
            workers.pause()
        return False

    def _killed(self, workers: Any, kill: dict, output: pathlib.Path) -> None:
        log = workers.log().strip().splitlines()
        files = sorted(p.name for p in output.iterdir() if p.is_file() and p.name[0] != ".")
        done = {
            **kill,
            "files": files,
            "last_line": log[-1].strip() if log else "",
            "seconds_until_the_other_ended": workers.kill(kill["victim"]),
        }
        self.state["kills"].append(done)
        self.state["failures_in_a_row"] = 0
        self.state["left"].remove(kill)
        print(done, flush=True)


def difference(one: pathlib.Path, other: pathlib.Path) -> float:
    """Largest difference between the weights of two runs' networks."""
    import keras

    largest = 0.0
    for name in NETWORKS:
        models = [
            keras.saving.load_model(folder / f"{name}.keras", compile=False)
            for folder in (one, other)
        ]
        for a, b in zip(*(model.get_weights() for model in models), strict=True):
            largest = max(largest, float(np.max(np.abs(a - b), initial=0.0)))
    return largest
