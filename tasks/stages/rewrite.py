"""Stage `rewrite`: the slim network, with recalibrated batch normalisation."""

import keras

import ccm_tf
from ccm_tf.files import atomic_path, write_json
from tasks import progress
from tasks.evaluation import accuracy
from tasks.job import Job
from tasks.stages.select import statistics_images
from tasks.stages.stage import Stage

# Batches of 128 that batch normalisation is recalibrated on; its statistics need no more.
_BATCHES = 50


def run(job: Job) -> None:
    """Cuts the channels off and re-estimates the statistics of batch normalisation."""
    dense = keras.saving.load_model(job.path("dense.keras"), compile=False)
    plan = ccm_tf.PruningPlan.load(job.path("plan.json"))
    fold = job.settings.selection.fold
    data = progress.watched(statistics_images(job), "folding removed channels") if fold else None
    slim = ccm_tf.rewrite(dense, plan, fold=fold, data=data)
    sliced = accuracy(slim, job.dataset.batches("test", 256), "testing right after the cut")
    sample = job.dataset.sample("train", 128 * _BATCHES, job.settings.seed)
    images = job.dataset.batches_of(sample, 128)
    ccm_tf.recalibrate(slim, progress.watched(images, "recalibrating batch normalisation"))
    write_json(job.path("sliced.json"), {"accuracy": sliced})
    with atomic_path(job.path("pruned.keras")) as temporary:
        slim.save(temporary)


REWRITE = Stage(
    "rewrite",
    "cut the other channels off",
    run,
    makes=("sliced.json", "pruned.keras"),
    needs=("dense.keras", "plan.json"),
)
