"""The stages of a run: train, then prune and fine-tune round by round, then report."""

import functools

import keras

import ccm_tf
from ccm_tf import distribute
from ccm_tf.files import atomic_path, write_json
from ccm_tf.reporting.spectra import eigen_rows
from tasks import progress
from tasks.chief import chief_says
from tasks.eigendamage import report
from tasks.eigendamage.settings import EIGENDAMAGE, EigenSettings
from tasks.evaluation import accuracy
from tasks.job import Job
from tasks.stages.rewrite import recalibrated
from tasks.stages.select import statistics_images
from tasks.stages.stage import Stage
from tasks.stages.train import TRAIN
from tasks.training import fit


def stages_of(settings: EigenSettings) -> tuple[Stage, ...]:
    """The stages of a run: two for every round."""
    stages = [TRAIN]
    for number in range(1, len(settings.rounds.ratios) + 1):
        stages += [_prune_stage(settings, number), _finetune_stage(number)]
    made = [
        f"{kind}_{n}" for n in range(1, len(settings.rounds.ratios) + 1) for kind in report.KINDS
    ]
    files = tuple(f"{name}.keras" for name in made)
    plans = tuple(f"round_{n}.json" for n in range(1, len(settings.rounds.ratios) + 1))
    stages.append(
        Stage(
            "report",
            "measure every round",
            report.run,
            makes=("report.json", "report.html"),
            needs=("dense.keras", *files, *plans),
            show=report.show,
        )
    )
    return tuple(stages)


def _prune_stage(settings: EigenSettings, number: int) -> Stage:
    ratio = settings.rounds.ratios[number - 1]
    return Stage(
        f"prune_{number}",
        f"round {number}: drop {ratio:.0%}",
        functools.partial(_prune, number=number),
        makes=(f"plan_{number}.plan", f"round_{number}.json", f"pruned_{number}.keras"),
        needs=(settings.rounds.start(number),),
        together=True,
    )


def _finetune_stage(number: int) -> Stage:
    return Stage(
        f"finetune_{number}",
        f"round {number}: fine-tune",
        functools.partial(_finetune, number=number),
        makes=(f"finetuned_{number}.keras",),
        needs=(f"pruned_{number}.keras",),
        together=True,
    )


def _prune(job: Job, number: int) -> None:
    rounds = job.settings.rounds
    model = keras.saving.load_model(job.path(rounds.start(number)), compile=False)
    ratio = rounds.ratios[number - 1]
    planned = _eigen_plan if rounds.method == EIGENDAMAGE else _channel_plan
    plan = planned(job, model, ratio, number)
    folds = "obs" if rounds.method in ("obs", "kron_obs") else None
    slim = distribute.rewrite(
        distribute.current(),
        model,
        plan,
        fold=folds,
        data=statistics_images(job) if folds else None,
        trainable_rotations=rounds.trainable_rotations,
    )
    cut = _tested(job, slim, "testing right after the cut")
    repaired = _tested(job, recalibrated(slim, job), "testing after recalibration")
    plan.save(job.path(f"plan_{number}.plan"))
    with atomic_path(job.path(f"pruned_{number}.keras")) as temporary:
        slim.save(temporary)
    write_json(
        job.path(f"round_{number}.json"),
        {
            "ratio": ratio,
            "cut_accuracy": cut,
            "recalibrated_accuracy": repaired,
            "counts": plan.counts,
            "notes": plan.notes,
            "predicted_rise": getattr(plan, "predicted_rise", None),
            "layers": eigen_rows(plan, slim) if isinstance(plan, ccm_tf.EigenPlan) else [],
        },
    )
    plan.summary()


def _tested(job: Job, model: keras.Model, task: str) -> float | None:
    """Accuracy on the test images, which the chief alone looks at."""
    test = job.dataset.batches("test", 256)
    return chief_says(distribute.current(), lambda: accuracy(model, test, task))


def _eigen_plan(job: Job, model: keras.Model, ratio: float, number: int) -> ccm_tf.EigenPlan:
    rounds = job.settings.rounds
    strategy = distribute.current()
    images = progress.watched(statistics_images(job), "reading images", strategy.workers)
    return distribute.eigen_plan(
        strategy,
        model,
        # The second pass of EKFAC reads them again: a list, which is shown once.
        list(images) if strategy.workers == 1 else images,
        ratio=ratio,
        max_ratio=rounds.max_ratio,
        scope=rounds.scope,
        rescale=rounds.rescale,
        separable=rounds.separable,
        seed=job.settings.seed + number,
        verbose=1,
    )


def _channel_plan(job: Job, model: keras.Model, ratio: float, number: int) -> ccm_tf.PruningPlan:
    rounds = job.settings.rounds
    strategy = distribute.current()
    task = f"ranking channels by {rounds.method}"
    return distribute.plan(
        strategy,
        model,
        rounds.method,
        progress.watched(statistics_images(job), task, strategy.workers),
        channels=1 - ratio,
        max_ratio=rounds.max_ratio,
        scope=rounds.scope,
    )


def _finetune(job: Job, number: int) -> None:
    fit(job, f"pruned_{number}.keras", job.settings.finetune, f"finetuned_{number}")
