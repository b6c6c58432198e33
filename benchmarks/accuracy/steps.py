"""What can be done to a network in a cell. A new kind of step is one registered function."""

import contextlib
import dataclasses
import hashlib
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

import ccm_tf
from benchmarks.accuracy import measure, training
from benchmarks.accuracy.deadline import Deadline
from benchmarks.accuracy.on_device import DeviceBatches
from ccm_tf.criteria import Criterion, criteria
from tasks import models
from tasks.data import Dataset

# The images on which criteria look, batch norm is recalibrated and redundancy is measured.
_REDUNDANCY_IMAGES = 1280


@dataclasses.dataclass(frozen=True)
class Context:
    """What a step works with besides the network and its settings.

    Attributes:
        dataset: The images.
        seed: Seed of the cell.
        folder: Folder of the cell for checkpoints.
        teacher: Returns the trained network that the cell goes back to.
        deadline: When to stop, for what has a checkpoint.
    """

    dataset: Dataset
    seed: int
    folder: pathlib.Path
    teacher: Callable[[], keras.Model] | None = None
    deadline: Deadline = dataclasses.field(default_factory=Deadline)

    def sample(self, count: int) -> np.ndarray:
        """Normalised training images without augmentation, the same for every step of a seed."""
        return self.labelled_sample(count)[0]

    def labelled_sample(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The same images with their labels."""
        sample = self.dataset.sample("train", count, seed=self.seed)
        return self.dataset.preprocessing.normalise(sample.images), sample.labels


Step = Callable[[keras.Model | None, dict[str, Any], Context], tuple[keras.Model, dict[str, Any]]]
STEPS: dict[str, Step] = {}


def register(kind: str) -> Callable[[Step], Step]:
    """Registers `step(model, settings, context) -> (model, record)` under its kind."""

    def keep(step: Step) -> Step:
        STEPS[kind] = step
        return step

    return keep


@register("train")
def train(model, settings, context):
    """Trains a new network, with CCM-loss if the settings name one."""
    recipe, loss = settings["recipe"], settings["loss"]
    keras.utils.set_random_seed(context.seed)
    network = settings["network"]
    classes = len(context.dataset.classes)
    with precision(recipe.get("precision", "float32")):
        model = getattr(models, network["builder"])(classes=classes, **network["arguments"])
    record = train_epochs(model, recipe, context, context.seed, ccm_loss_of(loss))
    record["redundancy"] = measure.redundancy(model, context.sample(_REDUNDANCY_IMAGES))
    record["data"] = fingerprint(context.dataset)
    return model, record


@register("retrain")
def retrain(model, settings, context):
    """Trains a pruned network for whole epochs, which can be stopped and go on."""
    keras.utils.set_random_seed(context.seed)
    return model, train_epochs(model, settings, context, context.seed + 1000)


def train_epochs(model, recipe, context, seed, wrap=None, callbacks=()):
    """Trains in place for the recipe's epochs; what is to be recorded of it.

    `wrap(model)` returns what is compiled and fitted in its place.
    """
    batches = batches_of(context, recipe, seed)
    data = DeviceBatches(batches) if recipe.get("on_device") else batches
    trained = wrap(model) if wrap else model
    training.add_l2(model, recipe["l2"])
    path = context.folder / "checkpoint.npz"
    log = training.fit_epochs(trained, data, recipe, path, context.deadline, callbacks)
    seconds = sum(epoch["seconds"] for epoch in log)
    return {
        "seconds": seconds,
        "images_per_second": len(batches.images) * len(log) / seconds,
        "epochs": log,
    }


@register("slice")
def slice_channels(model, settings, context):
    """Plans with a criterion under a budget of MACs and removes the other channels."""
    return _prune(model, settings, context)


@register("fold")
def fold_channels(model, settings, context):
    """The same, with what the removed channels said folded into the weights that read them."""
    return _prune(model, settings, context, fold=settings["method"])


@register("surgery")
def operate_on_channels(model, settings, context):
    """The same, with the channels that stay changed so that the loss rises least."""
    return _prune(model, settings, context, fold="obs")


@register("eigen")
def drop_directions(model, settings, context):
    """Plans in the Kronecker-factored eigenbasis under a budget of MACs and drops directions."""
    options = eigen_options(settings["criterion"], context.seed)
    images = context.sample(settings["images"])
    start = time.perf_counter()
    plan = ccm_tf.kfe.plan(model, images, macs=settings["macs"], **options)
    planned = time.perf_counter()
    slim = ccm_tf.rewrite(model, plan)
    record = {
        "plan_seconds": planned - start,
        "rewrite_seconds": time.perf_counter() - planned,
        "predicted_rise": plan.predicted_rise,
        "directions": {
            name: [len(spectrum.kept_inputs), len(spectrum.kept_outputs)]
            for name, spectrum in plan.spectra.items()
        },
    }
    return slim, record


def eigen_options(criterion: str | dict[str, Any], seed: int) -> dict[str, Any]:
    """What `ccm_tf.kfe.plan` is told; empty for a criterion that chooses channels."""
    options = {"name": criterion} if isinstance(criterion, str) else dict(criterion)
    return {"seed": seed, **options} if options.pop("name") == "eigendamage" else {}


def _prune(model, settings, context, fold=None):
    criterion, options = criterion_of(settings["criterion"], context.seed)
    images, labels = context.labelled_sample(settings["images"])
    start = time.perf_counter()
    plan = ccm_tf.plan(
        model,
        criterion,
        (images, labels) if criterion.needs_labels else images,
        macs=settings["macs"],
        **options,
    )
    planned = time.perf_counter()
    slim = ccm_tf.rewrite(model, plan, fold=fold, data=None if fold is None else images)
    record = {
        "plan_seconds": planned - start,
        "rewrite_seconds": time.perf_counter() - planned,
        "kept": {layer: len(channels) for layer, channels in plan.kept.items()},
    }
    return slim, record


@register("recalibrate")
def recalibrate(model, settings, context):
    """Re-estimates batch-norm statistics on training images."""
    start = time.perf_counter()
    ccm_tf.recalibrate(model, context.sample(settings["images"]))
    return model, {"seconds": time.perf_counter() - start}


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Layers made in this context compute with a policy such as "mixed_bfloat16"."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def batches_of(context: Context, recipe: dict[str, Any], seed: int):
    batches = context.dataset.batches("train", recipe["batch_size"], seed=seed)
    if not recipe["augment"]:
        plain = dataclasses.replace(batches.preprocessing, pad=0, flip=False)
        batches.preprocessing = plain
    return batches


def ccm_loss_of(settings: dict[str, Any] | None) -> Callable[[keras.Model], keras.Model] | None:
    """Wraps a network so that CCM-loss on its feature maps is trained along, if settings say so."""
    if not settings:
        return None

    def wrap(model):
        trained = ccm_tf.Model.from_model(model)
        for layer in ccm_tf.feature_layers(model):
            trained.add_loss(ccm_tf.CCMLoss(layer, **settings))
        return trained

    return wrap


def criterion_of(settings: str | dict[str, Any], seed: int) -> tuple[Criterion, dict[str, Any]]:
    """A criterion by name or by name and arguments, and what else `ccm_tf.plan` is told.

    Layers are compared by the scores as they are, unless the settings say otherwise.
    """
    arguments = {"name": settings} if isinstance(settings, str) else dict(settings)
    name, options = arguments.pop("name"), arguments.pop("plan", {})
    if name == "random":
        arguments["seed"] = seed
    return criteria()[name](**arguments), {"scope": "global", **options}


def fingerprint(dataset: Dataset) -> dict[str, Any]:
    """Counts and a hash of the pixels, so that results on other images are told apart."""
    digest = hashlib.sha256()
    for part in (dataset.train, dataset.test):
        digest.update(part.images.tobytes())
        digest.update(part.labels.tobytes())
    return {
        "train_images": len(dataset.train),
        "test_images": len(dataset.test),
        "sha256": digest.hexdigest()[:12],
    }
