"""The stages of a run: train, prune in rounds with recovery, train on, export, report."""

import dataclasses
from typing import Any

import keras

import ccm_tf
from ccm_tf import distribute, recovery
from ccm_tf.criteria.feature_map import FeatureMapCriterion
from ccm_tf.files import atomic_path, write_json
from tasks import teamwork
from tasks.chief import chief_says
from tasks.evaluation import accuracy
from tasks.job import Job
from tasks.l2 import with_l2
from tasks.stages.export import EXPORT
from tasks.stages.report import REPORT
from tasks.stages.select import statistics_images
from tasks.stages.stage import Stage
from tasks.stages.train import TRAIN
from tasks.training import fit, plain

_DISCRIMINATOR = "discriminator.keras"


def _rounds(job: Job) -> None:
    settings: Any = job.settings
    rounds, selection, strategy = settings.rounds, settings.selection, distribute.current()
    dense = keras.saving.load_model(job.path("dense.keras"), compile=False)
    criterion = FeatureMapCriterion(**rounds.criterion)
    limits = {key: value for key, value in selection.limits.items() if key != "ratios"}

    def planner(student, data, **target):
        options = {"scope": selection.scope, "keep": selection.keep, **limits, **target}
        return distribute.plan(strategy, student, criterion, data, **options)

    # All workers have to go on after the same round.
    teamwork.wait_for_same_files(strategy, job.path("rounds"))
    result = ccm_tf.iterate(
        dense,
        planner,
        rounds.targets,
        statistics_images(job),
        recover=lambda student, teacher, this: _recovered(job, student, teacher, this),
        evaluate=lambda model: chief_says(strategy, lambda: _score(job, model)),
        folder=job.path("rounds"),
    )
    print(result)
    if result.plan is None or not result.rounds:
        raise ValueError(
            "No channel is below --threshold, so nothing was pruned. Received: --threshold="
            f"{rounds.threshold}. Raise it."
        )
    write_json(job.path("selection.json"), {"scores": {}})
    sliced = ccm_tf.rewrite(dense, result.plan)
    test = job.dataset.batches("test", settings.images_per_pass)
    found = chief_says(strategy, lambda: accuracy(sliced, test, "testing the plain cut"))
    write_json(job.path("sliced.json"), {"accuracy": found})
    with atomic_path(job.path("pruned.keras")) as temporary:
        result.model.save(temporary)
    result.plan.save(job.path("plan.json"))


def _score(job: Job, model: keras.Model) -> float:
    """Accuracy on images held back, or on training images where none are: the test set waits."""
    split = "train" if job.dataset.validation is None else "validation"
    batches = job.dataset.batches(split, job.settings.images_per_pass)
    return accuracy(model, batches, f"scoring on {split} images")


def _recovered(job: Job, student, teacher, this) -> keras.Model:
    training = dataclasses.replace(job.settings.finetune, epochs=_epochs(job))
    name = f"rounds/{this.name}-recovered"
    # A process that was killed behind the training may have left its result: the discriminator has
    # learned from it already.
    if not chief_says(distribute.current(), lambda: _trained(job, f"{name}.keras")):
        _fit(job, _on_all_replicas(student), _on_all_replicas(teacher), training, name)
    return keras.saving.load_model(job.path(f"{name}.keras"), compile=False)


def _trained(job: Job, name: str) -> bool:
    """Whether a recovery of the dense network that is there now has been finished."""
    paths = job.path(name), job.path("dense.keras")
    ages = [path.stat().st_mtime_ns for path in paths if path.exists()]
    return len(ages) == 2 and ages[0] >= ages[1]


def _on_all_replicas(model: keras.Model) -> keras.Model:
    """A copy that runs where trainings run; the teacher trains nothing, but runs there too."""
    strategy = distribute.current()
    if strategy.native is None:
        return model
    with strategy.scope():
        copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def _epochs(job: Job) -> int:
    settings: Any = job.settings
    return settings.rounds.epochs


def _train_on(job: Job) -> None:
    with distribute.current().scope():
        teacher = keras.saving.load_model(job.path("dense.keras"), compile=False)
        student = keras.saving.load_model(job.path("pruned.keras"), compile=False)
    _fit(job, student, teacher, job.settings.finetune, "finetuned")


def _fit(job: Job, student, teacher, training, name: str) -> None:
    fit(
        job,
        student,
        training,
        name,
        prepare=lambda base, training, schedule: distiller_of(
            job, base, teacher, training, schedule
        ),
        finish=lambda model: _finished(job, model),
    )


def distiller_of(job: Job, student, teacher, training, schedule) -> keras.Model:
    """What the settings train a student in, compiled.

    Args:
        job: The run.
        student: The network to train.
        teacher: The dense network.
        training: How to train it.
        schedule: Learning rate, or a schedule of it.
    """
    settings: Any = job.settings
    rounds = settings.rounds
    student = with_l2(student, training.l2)
    arguments = (teacher, student, rounds.transfers(), rounds.label_weight)
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if rounds.method != "aip":
        model = recovery.Distiller(*arguments)
        model.compile(optimizer, loss, metrics=["accuracy"])
        return model
    discriminator = None
    if job.has(_DISCRIMINATOR):
        discriminator = keras.saving.load_model(job.path(_DISCRIMINATOR), compile=False)
    model = recovery.AdversarialDistiller(
        *arguments, adversary=rounds.adversary, discriminator=discriminator
    )
    own = keras.optimizers.Adam(rounds.discriminator_learning_rate, weight_decay=1e-4)
    model.compile(optimizer, loss, metrics=["accuracy"], discriminator_optimizer=own)
    return model


def _finished(job: Job, model: keras.Model) -> keras.Model:
    """The student; the discriminator is kept, as it plays on in the next round."""
    if isinstance(model, recovery.AdversarialDistiller):
        with atomic_path(job.path(_DISCRIMINATOR)) as temporary:
            model.discriminator.save(temporary)
    return plain(with_l2(model.student, 0.0))


ROUNDS = Stage(
    "rounds",
    "prune and recover, round by round",
    _rounds,
    makes=("selection.json", "sliced.json", "pruned.keras", "plan.json"),
    needs=("dense.keras",),
    together=True,
)
TRAIN_ON = Stage(
    "finetune",
    "train the pruned network on",
    _train_on,
    makes=("finetuned.keras",),
    needs=("dense.keras", "pruned.keras"),
    together=True,
)
STAGES: tuple[Stage, ...] = (TRAIN, ROUNDS, TRAIN_ON, EXPORT, REPORT)
