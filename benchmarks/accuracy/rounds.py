"""A step that prunes in rounds, with training after each, alone or beside the trained network."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras

import ccm_tf
from benchmarks.accuracy.finetuning import distiller_of
from benchmarks.accuracy.steps import (
    Context,
    criterion_of,
    eigen_options,
    register,
    train_epochs,
)


@register("rounds")
def prune_in_rounds(model, settings, context):
    """Removes equal parts of the multiply-accumulates in every round, down to the budget.

    The settings are those of a recipe; `epochs` are the last round's, `round_epochs` those of the
    rounds before. `kd`, `at` and `game` add a teacher as in fine-tuning.
    """
    rounds = settings["rounds"]
    teacher = context.teacher() if "kd" in settings else None

    def recover(student, _, this):
        last = this.number == rounds
        recipe = {**settings, "epochs": settings["epochs" if last else "round_epochs"]}
        folder = context.folder / this.name
        folder.mkdir(parents=True, exist_ok=True)
        keras.utils.set_random_seed(context.seed)
        wrap = None if teacher is None else functools.partial(distiller_of, settings, teacher)
        place = dataclasses.replace(context, folder=folder)
        train_epochs(student, recipe, place, context.seed + 1000 * this.number, wrap)

    planner, data = planner_of(settings, context)
    result = ccm_tf.iterate(
        model,
        planner,
        [1 - (1 - settings["macs"]) * number / rounds for number in range(1, rounds + 1)],
        data,
        recover=recover,
        folder=context.folder / "rounds",
    )
    return result.model, {"rounds": [one.to_dict() for one in result.rounds]}


def planner_of(settings: dict[str, Any], context: Context) -> tuple[Callable, Any]:
    """What plans a round, and the images that it looks at."""
    images, labels = context.labelled_sample(settings["images"])
    if eigen := eigen_options(settings["criterion"], context.seed):
        return functools.partial(ccm_tf.kfe.plan, **eigen), images
    criterion, limits = criterion_of(settings["criterion"], context.seed)

    def planner(student, data, **target):
        return ccm_tf.plan(student, criterion, data, **limits, **target)

    return planner, (images, labels) if criterion.needs_labels else images
