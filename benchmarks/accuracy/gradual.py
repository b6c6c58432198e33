"""A step in which channels leave while the network trains."""

from typing import Any

import keras

import ccm_tf
from benchmarks.accuracy.steps import Context, ccm_loss_of, criterion_of, register, train_epochs
from ccm_tf import callbacks
from ccm_tf.schedules import ConstantSparsity, PolynomialDecay, Schedule

# By a step's `way`: how a channel leaves.
WAYS = {
    "masks": callbacks.GradualPruning,
    "growing": callbacks.GrowingRegularization,
    "probabilistic": callbacks.ProbabilisticPruning,
    "directional": callbacks.DirectionalPruning,
}


@register("gradual")
def prune_while_training(model, settings, context):
    """Trains on, or from scratch, while channels leave, until only a budget of MACs is left.

    The settings are those of a recipe, and `way` with its `arguments`, `prunings` from the epoch
    `begin` (0) to `until`, and with masks the `first` share of the way and the `power` of the
    schedule.
    """
    keras.utils.set_random_seed(context.seed)
    if settings.get("from_scratch"):
        model = keras.models.clone_model(model)
    pruning = pruning_of(settings, context)
    wrap = ccm_loss_of(settings.get("loss"))
    record = train_epochs(model, settings, context, context.seed + 1000, wrap, (pruning,))
    plan = ccm_tf.masked_plan(model)
    record["kept"] = {layer: len(channels) for layer, channels in plan.kept.items()}
    record["prunings"] = pruning.history
    record["taken"] = getattr(pruning, "taken", None)
    return ccm_tf.rewrite(model, plan), record


def pruning_of(settings: dict[str, Any], context: Context) -> callbacks.GradualPruning:
    """The callback that settings ask for."""
    criterion, limits = criterion_of(settings["criterion"], context.seed)
    data: Any = None
    if criterion.needs_data:
        images, labels = context.labelled_sample(settings["images"])
        data = (images, labels) if criterion.needs_labels else images
    batches = context.dataset.batches("train", settings["batch_size"], seed=context.seed)
    return WAYS[settings["way"]](
        criterion,
        schedule_of(settings, len(batches)),
        data,
        state=context.folder / "pruning.npz",
        **settings.get("arguments", {}),
        **limits,
    )


def schedule_of(settings: dict[str, Any], steps: int) -> Schedule:
    """The schedule in steps, of which an epoch has so many."""
    begin = settings.get("begin", 0) * steps
    frequency = max(1, (settings["until"] * steps - begin) // settings["prunings"])
    end = begin + settings["prunings"] * frequency
    gone = 1 - settings["macs"]
    if settings["way"] != "masks":
        return ConstantSparsity(gone, begin, end, frequency)
    first = settings.get("first", 0.0) * gone
    return PolynomialDecay(first, gone, begin, end, settings.get("power", 3), frequency)
