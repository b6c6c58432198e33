"""Trains a small network as the programs do, and gets SIGTERM on the way if asked to.

python training_worker.py STRATEGY STEP FLAGS…: after STEP steps the last worker is told to end; 0
tells nobody. TF_CONFIG says which worker this is.
"""

import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from ccm_tf import distribute
from tasks import pipeline
from tasks.job import Job
from tasks.preemption import PREEMPTION, STATUS, Preempted
from tasks.stages.stage import Stage
from tasks.step_checkpoints import StepCheckpoints
from tasks.training import fit
from tests.tasks.conftest import parsed
from tests.tasks.tiny import network


def tell_after(step):
    """Has this process told to end after so many steps."""
    steps, written = [], StepCheckpoints.on_train_batch_end

    def seen(self, batch, logs=None):
        steps.append(batch)
        if len(steps) == step:
            signal.raise_signal(signal.SIGTERM)
        written(self, batch, logs)

    StepCheckpoints.on_train_batch_end = seen


def main(name, step, *flags):
    strategy = distribute.start(name, timeout=300)
    if int(step) and strategy.index == strategy.workers - 1:
        tell_after(int(step))
    job = Job(parsed(flags))
    stage = Stage(
        "train",
        "train",
        lambda job: fit(job, network(), job.settings.train, "dense"),
        makes=("dense.keras",),
        together=True,
    )
    try:
        with PREEMPTION.noticed():
            pipeline.work(job, [stage], 1000)
    except Preempted as stopped:
        print(stopped)
        sys.exit(STATUS)


if __name__ == "__main__":
    main(*sys.argv[1:])
