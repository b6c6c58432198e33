"""Keras networks from weights by name, and measurements of them."""

import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

import ccm_tf
from benchmarks.accuracy import measure, training
from benchmarks.peers.inputs import Inputs
from benchmarks.peers.weights import describe, difference
from ccm_tf.files import atomic_path
from tasks import models

# What counts as the same outputs, relative to the largest one.
SAME = 1e-5


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """All weights by "layer/variable"."""
    return {f"{layer.name}/{v.name}": v for layer in model.layers for v in layer.weights}


def arrays_of(model: keras.Model) -> dict[str, np.ndarray]:
    """Values of all weights by "layer/variable"."""
    named = variables(model).items()
    return {name: keras.ops.convert_to_numpy(variable) for name, variable in named}


def network_of(arrays: Mapping[str, np.ndarray]) -> keras.Model:
    """The network of `tasks.models` that these weights are of.

    Raises:
        ValueError: If they are of no network that the comparison knows, or some are missing.
    """
    arguments = describe(arrays)
    family = arguments.pop("family")
    if family == "resnet":
        arguments["depth"] = 2 * len(arguments["mids"]) + 2
    model = getattr(models, family)(**arguments)
    named = variables(model)
    if set(named) != set(arrays):
        raise ValueError(
            f"These weights are not those of a {family}. Missing or too many: "
            f"{sorted(set(named) ^ set(arrays))}"
        )
    for name, variable in named.items():
        variable.assign(arrays[name])
    return model


def outputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Logits of a few images."""
    return keras.ops.convert_to_numpy(model(images, training=False))


def check_same(what: str, ours: np.ndarray, theirs: np.ndarray) -> float:
    """The difference of two outputs, if it is small enough.

    Raises:
        ValueError: If they are not the same: the comparison would compare different networks.
    """
    found = difference(ours, theirs)
    if not found <= SAME:
        raise ValueError(
            f"{what}: the outputs of Keras and PyTorch differ by {found:.1e} of the largest one, "
            f"more than {SAME:g}. The network was not converted faithfully."
        )
    return found


def share_of_zeros(model: keras.Model) -> float:
    """Part of the weights in kernels that is zero."""
    arrays = arrays_of(model)
    kernels = [array for name, array in arrays.items() if name.endswith("/kernel")]
    return float(sum(np.sum(k == 0) for k in kernels) / sum(k.size for k in kernels))


def size(model: keras.Model) -> dict[str, int]:
    """Parameters and multiply-accumulates, counted the same way for everybody."""
    found = ccm_tf.profile(model)
    return {"params": int(found.params), "macs": int(found.macs)}


def accuracy(model: keras.Model, inputs: Inputs) -> float:
    """On all test images."""
    return measure.accuracy(model, inputs.test_batches())


def recovered(
    model: keras.Model, inputs: Inputs, recipe: dict[str, Any], path: pathlib.Path
) -> dict[str, float]:
    """Accuracy of a pruned network as it is, recalibrated, and then fine-tuned.

    Args:
        model: The network, which is changed.
        inputs: The images.
        recipe: The fine-tuning, as `benchmarks.accuracy` has it.
        path: Where to save the fine-tuned network.
    """
    found = {"pruned": accuracy(model, inputs)}
    ccm_tf.recalibrate(model, inputs.normalised("recalibration")[0])
    found["recalibrated"] = accuracy(model, inputs)
    training.add_l2(model, recipe["l2"])
    training.fit_steps(model, inputs.tuning_batches(), recipe)
    found["finetuned"] = accuracy(model, inputs)
    save(model, path)
    return found


def save(model: keras.Model, path: pathlib.Path) -> None:
    """Saves a network, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        model.save(temporary)
