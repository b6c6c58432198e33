"""Prunes a trained network as the programs do: cut, folded, and in its eigenbasis.

python pruning_worker.py STRATEGY IMAGES GIVEN FOLDER: from `dense.keras` and `plan.json` in GIVEN
into the folders `cut`, `folded` and `eigen` in FOLDER. TF_CONFIG says which worker this is.
"""

import dataclasses
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from ccm_tf import distribute
from tasks import pipeline
from tasks.eigendamage.stages import stages_of
from tasks.job import Job
from tasks.stages import Stage, rewrite
from tests.tasks.conftest import arguments_for, parsed
from tests.tasks.eigendamage import test_flags as eigendamage


def in_small_batches(settings):
    """The same settings, with batches for every worker of the few images that tests have."""
    selection = dataclasses.replace(settings.selection, batches=4, batch_size=9)
    return dataclasses.replace(settings, selection=selection)


def main(name, images, given, folder):
    distribute.start(name, timeout=300)

    def take(job):
        for file in rewrite.REWRITE.needs:
            shutil.copy(pathlib.Path(given) / file, job.folder)

    rewrite._BATCH = 8
    for kind in ("cut", "folded", "eigen"):
        flags = arguments_for(images, pathlib.Path(folder) / kind)
        if kind == "eigen":
            flags = [flag for flag in flags if not flag.startswith("--macs")]
            settings = eigendamage.parsed(*flags, "--model=resnet8", "--ratio=0.4", "--rescale")
            stage = stages_of(settings)[1]
        else:
            fold = "least_squares" if kind == "folded" else "none"
            settings, stage = parsed([*flags, f"--fold={fold}"]), rewrite.REWRITE
        stages = [Stage("take", "take what is given", take, rewrite.REWRITE.needs), stage]
        pipeline.work(Job(in_small_batches(settings)), stages, 1000)


if __name__ == "__main__":
    main(*sys.argv[1:])
