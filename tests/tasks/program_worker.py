"""Runs stages of a program on a tiny network, and is killed on the way if asked to.

python program_worker.py PROGRAM STRATEGY KILL FLAGS…: KILL is the end of a file's name and a
number, "masked_checkpoint.keras:3": once the chief has written it so often, it is killed. "-" kills
nobody.
TF_CONFIG, or Keras's variables for JAX, say which worker this is.
"""

import importlib
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from absl import flags as absl_flags

from ccm_tf import distribute, files
from tasks import flags as shared
from tasks import pipeline
from tasks.job import Job
from tasks.settings import Settings
from tests.tasks import tiny

# The chief's exports and reports are tested elsewhere.
LEFT_OUT = ("export", "report")
# Programs whose stages depend on the settings.
ROUNDS = ("gradual", "eigendamage")


def settings_of(module, flags):
    values = absl_flags.FlagValues()
    module.define(values)
    values(["program", *flags])
    return module.read("tiny", values) if module is shared else module.read(values)


def parts_of(program):
    """The modules of flags and of stages; "tasks" is what trains, prunes once and fine-tunes."""
    if program == "tasks":
        return shared, importlib.import_module("tasks.stages")
    return tuple(importlib.import_module(f"tasks.{program}.{name}") for name in ("flags", "stages"))


def kill_after(name, times):
    """Has the chief killed once it has written a file so often."""
    replace, written = os.replace, []

    def killing(source, target):
        replace(source, target)
        written.append(str(target).endswith(name))
        if sum(written) == times:
            os.kill(os.getpid(), signal.SIGKILL)

    files.os.replace = killing


def main(program, name, kill, *flags):
    strategy = distribute.start(name, timeout=300)
    if kill != "-" and strategy.chief:
        file, times = kill.split(":")
        kill_after(file, int(times))
    Settings.build_network = lambda self, dataset: tiny.network()
    Settings.load_dataset = lambda self: tiny.dataset()
    its_flags, its_stages = parts_of(program)
    settings = settings_of(its_flags, flags)
    stages = its_stages.stages_of(settings) if program in ROUNDS else its_stages.STAGES
    pipeline.work(Job(settings), [s for s in stages if s.name not in LEFT_OUT], 1000)


if __name__ == "__main__":
    main(*sys.argv[1:])
