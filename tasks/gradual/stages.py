"""The stages of a run: train while pruning, then measure what is left."""

from typing import Any

import keras

import ccm_tf
from ccm_tf import distribute
from ccm_tf.callbacks import GradualPruning, PruningSummaries
from ccm_tf.criteria import get_criterion
from ccm_tf.criteria.relevance import Relevance
from ccm_tf.files import atomic_path
from ccm_tf.reporting.correlations import as_values, correlation_pairs
from ccm_tf.reporting.document import Report
from ccm_tf.reporting.network import network_of
from ccm_tf.reporting.stages import counted, stage
from ccm_tf.reporting.widths import kept_counts, layer_rows
from tasks.evaluation import accuracy
from tasks.gradual.settings import GradualSettings
from tasks.job import Job
from tasks.report.values import run_values, show
from tasks.stages.select import statistics_images
from tasks.stages.stage import Stage
from tasks.training import fit, plain

_HOW = {"accuracy": "test images, last epoch", "bytes": "weights, float32"}


def _train(job: Job) -> None:
    settings: Any = job.settings
    # Before the network is built: its first weights are random too.
    keras.utils.set_random_seed(settings.seed)
    network = settings.build_network(job.dataset)
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
        strategy=distribute.current(),
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
    masked, slim = (
        keras.saving.load_model(job.path(f"{name}.keras"), compile=False)
        for name in ("masked", "finetuned")
    )
    plan = ccm_tf.PruningPlan.load(job.path("plan.json"))
    settings: Any = job.settings
    test = job.dataset.batches("test", settings.images_per_pass)
    stages = [
        stage(
            name,
            accuracy=accuracy(model, test, f"testing the {name} network"),
            **counted(ccm_tf.profile(model)),
        )
        for name, model in (("masked", masked), ("slim", slim))
    ]
    graph = ccm_tf.ChannelGraph(plain(masked), plan.exact)
    pairs = correlation_pairs(masked, slim, statistics_images(job))
    values = run_values(job, stages, _HOW, ("masked",)) | {
        "method": settings.gradually.method,
        "plan": {"criterion": {"name": settings.gradually.method}, "target": {}, "notes": []},
        "layers": layer_rows(graph, kept_counts(plan)),
        "network": network_of(graph, slim),
        "correlations": as_values(pairs),
    }
    Report(values, pairs).save(job.path("report.html"))
    show(job)


def stages_of(settings: GradualSettings) -> tuple[Stage, ...]:
    """The stages of a run."""
    title = f"train, and prune by {settings.gradually.method} meanwhile"
    return (
        Stage("train", title, _train, makes=("masked.keras",), together=True),
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
            makes=("report.json", "report.html"),
            needs=("masked.keras", "finetuned.keras", "plan.json"),
            show=show,
        ),
    )
