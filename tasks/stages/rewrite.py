"""Stage `rewrite`: the slim network, folded or with recalibrated batch normalisation."""

import keras

import ccm_tf
from ccm_tf.files import atomic_path, write_json
from ccm_tf.graph import Trace
from tasks import progress
from tasks.evaluation import accuracy
from tasks.job import Job
from tasks.stages.select import statistics_images
from tasks.stages.stage import Stage

# Batch normalisation is recalibrated on so many images; its statistics need no more.
_BATCH, _BATCHES = 128, 50


def run(job: Job) -> None:
    """Cuts the channels off, and folds them or corrects the statistics of batch normalisation."""
    dense = keras.saving.load_model(job.path("dense.keras"), compile=False)
    plan = ccm_tf.PruningPlan.load(job.path("plan.json"))
    settings = job.settings
    slim = ccm_tf.rewrite(dense, plan)
    test = job.dataset.batches("test", settings.images_per_pass) if job.dataset.labelled else None
    sliced = None if test is None else accuracy(slim, test, "testing right after the cut")
    fold, images = settings.selection.fold, statistics_images(job, settings.selection.fold_images)
    if fold is not None:
        data = progress.watched(images, "folding removed channels")
        slim = ccm_tf.rewrite(dense, plan, fold=fold, data=data)
    if fold != "least_squares":
        # What a fold could not predict it left out; statistics estimated anew would scale it up.
        recalibrated(slim, job)
    write_json(job.path("sliced.json"), {"accuracy": sliced})
    with atomic_path(job.path("pruned.keras")) as temporary:
        slim.save(temporary)


def recalibrated(model: keras.Model, job: Job) -> keras.Model:
    """Re-estimates the statistics of batch normalisation on training images, in place."""
    if any(isinstance(op, keras.layers.BatchNormalization) for op in Trace(model).ops.values()):
        sample = job.dataset.sample("train", _BATCH * _BATCHES, job.settings.seed)
        images = job.dataset.batches_of(sample, min(_BATCH, job.settings.images_per_pass))
        ccm_tf.recalibrate(model, progress.watched(images, "recalibrating batch normalisation"))
    return model


REWRITE = Stage(
    "rewrite",
    "cut the other channels off",
    run,
    makes=("sliced.json", "pruned.keras"),
    needs=("dense.keras", "plan.json"),
)
