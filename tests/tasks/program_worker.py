"""Runs stages of a program on a small network, and is killed on the way if asked to.

python program_worker.py PROGRAM STRATEGY KILL FLAGS…: KILL is the name of a file of the run; as soon
as the chief has written it, all workers are killed. "-" kills nobody. TF_CONFIG, or Keras's
variables for JAX, say which worker this is.
"""

import importlib
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from absl import flags as absl_flags

from ccm_tf import distribute, files
from tasks import pipeline
from tasks.job import Job
from tasks.settings import Settings
from tests.tasks import tiny

# Only what trains or is decided together; the chief's exports and reports are tested elsewhere.
STAGES = {
    "gradual": ("train", "strip"),
    "adversarial": ("train", "rounds", "finetune"),
    "eigendamage": ("train", "prune_1", "finetune_1"),
}


def settings_of(program, flags):
    module = importlib.import_module(f"tasks.{program}.flags")
    values = absl_flags.FlagValues()
    module.define(values)
    values(["program", *flags])
    return module.read(values)


def stages_of(program, settings):
    module = importlib.import_module(f"tasks.{program}.stages")
    stages = module.stages_of(settings) if hasattr(module, "stages_of") else module.STAGES
    return [stage for stage in stages if stage.name in STAGES[program]]


def kill_after(name):
    """Has this process killed once the chief has written a file."""
    strategy, replace = distribute.current(), os.replace

    def killing(source, target):
        replace(source, target)
        if str(target).endswith(name):
            os.kill(os.getpid(), signal.SIGKILL)

    if strategy.chief:
        files.os.replace = killing


def main(program, name, kill, *flags):
    distribute.start(name, timeout=300)
    if kill != "-":
        kill_after(kill)
    Settings.build_network = lambda self, dataset: tiny.network()
    Settings.load_dataset = lambda self: tiny.dataset()
    settings = settings_of(program, flags)
    pipeline.work(Job(settings), stages_of(program, settings), 1000)


if __name__ == "__main__":
    main(*sys.argv[1:])
