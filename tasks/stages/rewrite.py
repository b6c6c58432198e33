"""Stage `rewrite`: the slim network, folded or with recalibrated batch normalisation."""

import keras

import ccm_tf
from ccm_tf import distribute
from ccm_tf.files import atomic_path, write_json
from ccm_tf.graph import Trace
from tasks import progress
from tasks.chief import chief_says
from tasks.evaluation import accuracy
from tasks.job import Job
from tasks.stages.select import statistics_images
from tasks.stages.stage import Stage

# Batch normalisation is recalibrated on so many images; its statistics need no more.
_BATCH, _BATCHES = 128, 50


def run(job: Job) -> None:
    """Cuts the channels off, and folds them or corrects the statistics of batch normalisation."""
    strategy = distribute.current()
    dense = keras.saving.load_model(job.path("dense.keras"), compile=False)
    plan = ccm_tf.PruningPlan.load(job.path("plan.json"))
    slim = distribute.rewrite(strategy, dense, plan)
    sliced = chief_says(strategy, lambda: _accuracy(job, slim))
    fold = job.settings.selection.fold
    if fold is not None:
        images = statistics_images(job, job.settings.selection.fold_images)
        data = progress.watched(images, "folding removed channels", strategy.workers)
        slim = distribute.rewrite(strategy, dense, plan, fold=fold, data=data)
    if fold != "least_squares":
        # What a fold could not predict it left out; statistics estimated anew would scale it up.
        recalibrated(slim, job)
    write_json(job.path("sliced.json"), {"accuracy": sliced})
    with atomic_path(job.path("pruned.keras")) as temporary:
        slim.save(temporary)


def _accuracy(job: Job, model: keras.Model) -> float | None:
    """Accuracy on the test images; `None` where they have no labels."""
    if not job.dataset.labelled:
        return None
    test = job.dataset.batches("test", job.settings.images_per_pass)
    return accuracy(model, test, "testing right after the cut")


def recalibrated(model: keras.Model, job: Job) -> keras.Model:
    """Re-estimates the statistics of batch normalisation on training images, in place.

    All workers have to call it: each looks at its share of the images.
    """
    if any(isinstance(op, keras.layers.BatchNormalization) for op in Trace(model).ops.values()):
        strategy = distribute.current()
        sample = job.dataset.sample("train", _BATCH * _BATCHES, job.settings.seed)
        images = job.dataset.batches_of(sample, min(_BATCH, job.settings.images_per_pass))
        task = "recalibrating batch normalisation"
        distribute.recalibrate(strategy, model, progress.watched(images, task, strategy.workers))
    return model


REWRITE = Stage(
    "rewrite",
    "cut the other channels off",
    run,
    makes=("sliced.json", "pruned.keras"),
    needs=("dense.keras", "plan.json"),
    together=True,
)
