"""Steps that train a pruned network for a few hundred steps, alone or beside the trained one."""

import time
from typing import Any

import keras

from benchmarks.accuracy import training
from benchmarks.accuracy.steps import batches_of, register
from ccm_tf import recovery


@register("finetune")
def finetune(model, settings, context):
    """Trains with plain cross-entropy for some steps."""
    return _finetune(model, settings, context, lambda: model)


@register("finetune_kd")
@register("finetune_kd_at")
def finetune_beside_a_teacher(model, settings, context):
    """Trains likewise, with the trained network as a teacher of logits, and of attention."""
    return _distill(model, settings, context)


@register("finetune_aip")
def finetune_in_a_game(model, settings, context):
    """The same, against a discriminator."""
    return _distill(model, {**settings, "game": True}, context)


def _distill(model, settings, context):
    return _finetune(
        model, settings, context, lambda: distiller_of(settings, context.teacher(), model)
    )


def distiller_of(settings: dict[str, Any], teacher, student) -> recovery.Distiller:
    """What a student is trained in, as `kd`, `at`, `game` and `adversary` say."""
    transfers = [recovery.LogitsTransfer(**settings["kd"])]
    if "at" in settings:
        transfers.append(recovery.AttentionTransfer(**settings["at"]))
    arguments = teacher, student, transfers, settings["student_loss_weight"]
    if settings.get("game"):
        return recovery.AdversarialDistiller(*arguments, adversary=settings.get("adversary"))
    return recovery.Distiller(*arguments)


def _finetune(model, settings, context, trained):
    keras.utils.set_random_seed(context.seed)
    training.add_l2(model, settings["l2"])
    # Other batches than those the training began with.
    batches = batches_of(context, settings, context.seed + 1000)
    start = time.perf_counter()
    log = training.fit_steps(trained(), batches, settings)
    seconds = time.perf_counter() - start
    images = settings["steps"] * settings["batch_size"]
    return model, {"seconds": seconds, "images_per_second": images / seconds, "log": log}
