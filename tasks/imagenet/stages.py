"""The stages of a run: train, select, rewrite, fine-tune, measure."""

from typing import Any

import keras

import ccm_tf
from ccm_tf.files import write_json
from tasks.evaluation import accuracy
from tasks.imagenet.smoothed import SmoothedCrossentropy
from tasks.job import Job
from tasks.settings import Training
from tasks.stages.rewrite import REWRITE
from tasks.stages.select import SELECT
from tasks.stages.stage import Stage
from tasks.training import compiled, fit

_NETWORKS = ("dense", "pruned", "finetuned")


def _compiled_for(job: Job):
    """Penalties and CCM-loss as in all programs, with this one's loss and momentum."""
    settings: Any = job.settings

    def prepare(model: keras.Model, training: Training, schedule) -> keras.Model:
        model = compiled(model, training, schedule)
        model.compile(
            keras.optimizers.SGD(schedule, momentum=settings.momentum),
            SmoothedCrossentropy(settings.smoothing),
            metrics=["accuracy"],
        )
        return model

    return prepare


def _train(job: Job) -> None:
    settings = job.settings
    # Before the network is built: its first weights are random too.
    keras.utils.set_random_seed(settings.seed)
    fit(job, settings.build_network(job.dataset), settings.train, "dense", _compiled_for(job))


def _finetune(job: Job) -> None:
    fit(job, "pruned.keras", job.settings.finetune, "finetuned", _compiled_for(job))


def _measure(job: Job) -> None:
    test = job.dataset.batches("test", job.settings.images_per_pass)
    found = {"run": job.read_json("run.json"), "sliced": job.read_json("sliced.json")}
    for name in _NETWORKS:
        model = keras.saving.load_model(job.path(f"{name}.keras"), compile=False)
        counted = ccm_tf.profile(model)
        found[name] = {
            "accuracy": accuracy(model, test, f"testing the {name} network"),
            "params": counted.params,
            "macs": counted.macs,
        }
    write_json(job.path("report.json"), found)
    _show(job)


def _show(job: Job) -> None:
    report = job.read_json("report.json")
    for name in _NETWORKS:
        row = report[name]
        print(
            f"{name:<10}{row['accuracy']:>9.2%}{row['params']:>14,} weights{row['macs']:>18,} MACs"
        )


STAGES: tuple[Stage, ...] = (
    Stage(
        "train", "train the dense network with CCM-loss", _train, ("dense.keras",), together=True
    ),
    SELECT,
    REWRITE,
    Stage(
        "finetune",
        "fine-tune the pruned network",
        _finetune,
        makes=("finetuned.keras",),
        needs=("pruned.keras",),
        together=True,
    ),
    Stage(
        "report",
        "measure all networks",
        _measure,
        makes=("report.json",),
        needs=tuple(f"{name}.keras" for name in _NETWORKS),
        show=_show,
    ),
)
