"""The stages of a run: train while pruning, then measure what is left."""

from typing import Any

import keras

import ccm_tf
from ccm_tf.callbacks import GradualPruning, PruningSummaries
from ccm_tf.criteria import get_criterion
from ccm_tf.criteria.relevance import Relevance
from ccm_tf.files import atomic_path, write_json
from tasks.evaluation import accuracy
from tasks.gradual.settings import GradualSettings
from tasks.job import Job
from tasks.models import build
from tasks.stages.select import statistics_images
from tasks.stages.stage import Stage
from tasks.training import fit, plain


def _train(job: Job) -> None:
    settings: Any = job.settings
    # Before the network is built: its first weights are random too.
    keras.utils.set_random_seed(settings.seed)
    network = build(
        settings.network, len(job.dataset.classes), settings.width, job.dataset.image_shape
    )
    fit(
        job,
        network,
        settings.train,
        "masked",
        callbacks=(pruning_of(job), PruningSummaries(job.path("pruning.csv"))),
    )


def pruning_of(job: Job) -> GradualPruning:
    """The callback that a run's settings ask for."""
    settings: Any = job.settings
    gradually, selection = settings.gradually, settings.selection
    criterion = get_criterion(gradually.criterion)
    if isinstance(criterion, Relevance):
        criterion = Relevance(reference=gradually.reference)
    data = statistics_images(job) if criterion.needs_data else None
    steps = len(job.dataset.batches("train", settings.train.batch_size, settings.seed))
    return GradualPruning(
        criterion,
        gradually.schedule(steps),
        data,
        scope=selection.scope,
        keep=selection.keep,
        **{key: value for key, value in selection.limits.items() if key != "ratios"},
    )


def _strip(job: Job) -> None:
    masked = plain(keras.saving.load_model(job.path("masked.keras"), compile=False))
    plan = ccm_tf.masked_plan(masked)
    slim = ccm_tf.rewrite(masked, plan)
    plan.save(job.path("plan.json"))
    with atomic_path(job.path("finetuned.keras")) as temporary:
        slim.save(temporary)
    plan.summary()


def _measure(job: Job) -> None:
    test = job.dataset.batches("test", job.settings.images_per_pass)
    found = {}
    for name, file in (("masked", "masked"), ("slim", "finetuned")):
        model = keras.saving.load_model(job.path(f"{file}.keras"), compile=False)
        counted = ccm_tf.profile(model)
        found[name] = {
            "accuracy": accuracy(model, test, f"testing the {name} network"),
            "params": counted.params,
            "macs": counted.macs,
        }
    settings: Any = job.settings
    result = {
        "run": job.read_json("run.json"),
        "method": settings.gradually.method,
        "left": ccm_tf.PruningPlan.load(job.path("plan.json")).counts,
        **found,
    }
    write_json(job.path("report.json"), result)
    _show(job)


def _show(job: Job) -> None:
    report = job.read_json("report.json")
    for name in ("masked", "slim"):
        row = report[name]
        print(
            f"{name:<8}{row['accuracy']:>9.2%}{row['params']:>14,} weights{row['macs']:>16,} MACs"
        )


def stages_of(settings: GradualSettings) -> tuple[Stage, ...]:
    """The stages of a run."""
    title = f"train, and prune by {settings.gradually.method} meanwhile"
    return (
        Stage("train", title, _train, makes=("masked.keras",)),
        Stage(
            "strip",
            "remove what is masked",
            _strip,
            makes=("plan.json", "finetuned.keras"),
            needs=("masked.keras",),
        ),
        Stage(
            "report",
            "measure what is left",
            _measure,
            makes=("report.json",),
            needs=("masked.keras", "finetuned.keras", "plan.json"),
            show=_show,
        ),
    )
