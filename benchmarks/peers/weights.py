"""Weights of `tasks.models`, from Keras to PyTorch and back: names and layouts.

Weights are dicts of arrays, in Keras's words `"conv1/kernel"`, in PyTorch's `"conv1.weight"`. Only
NumPy is needed, so both sides use this file.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

_NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_BACK = {"weight": "kernel", "bias": "bias"}
_BATCH_NORM_BACK = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_COUNTER = "num_batches_tracked"


def to_torch(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """PyTorch's names and layouts for Keras's weights.

    A kernel (height, width, in, out) becomes (out, in, height, width), one of (in, out) becomes
    (out, in).

    Args:
        arrays: Weights by "layer/variable".

    Returns:
        Weights by "layer.variable".

    Raises:
        ValueError: If a variable is of another kind than convolutions, dense layers and batch
            normalisation have.
    """
    found = {}
    for name, array in arrays.items():
        layer, _, variable = name.rpartition("/")
        if variable not in _NAMES or (variable == "kernel" and array.ndim not in (2, 4)):
            raise ValueError(
                f"Expected kernels of convolutions and dense layers, biases and batch "
                f"normalisation. Received: {name!r} of shape {array.shape}"
            )
        if variable == "kernel":
            array = np.transpose(array, (3, 2, 0, 1) if array.ndim == 4 else (1, 0))
        found[f"{layer}.{_NAMES[variable]}"] = np.ascontiguousarray(array)
    return found


def to_keras(state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Keras's names and layouts for PyTorch's weights; the way back of `to_torch`."""
    found = {}
    for name, array in state.items():
        layer, _, variable = name.rpartition(".")
        if variable == _COUNTER:
            continue
        names = _BATCH_NORM_BACK if f"{layer}.running_mean" in state else _BACK
        if array.ndim in (2, 4):
            array = np.transpose(array, (2, 3, 1, 0) if array.ndim == 4 else (1, 0))
        found[f"{layer}/{names[variable]}"] = np.ascontiguousarray(array)
    return found


def describe(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Which network these weights are of, and its widths.

    Args:
        arrays: Weights by Keras's names.

    Returns:
        `{"family": "vgg16", "classes": …, "widths": […]}` or
        `{"family": "resnet", "classes": …, "outputs": […], "mids": […]}`: the arguments of
        `tasks.models.vgg16` and `tasks.models.resnet`, but for the depth.

    Raises:
        ValueError: If they are of neither.
    """
    widths = {
        name.removesuffix("/kernel"): int(array.shape[-1])
        for name, array in arrays.items()
        if name.endswith("/kernel")
    }
    classes = widths.pop("logits", None)
    vgg = [*(f"conv{number}" for number in range(1, 14)), "dense1"]
    if classes is not None and set(widths) == set(vgg):
        return {"family": "vgg16", "classes": classes, "widths": [widths[name] for name in vgg]}
    blocks = _blocks(widths)
    if classes is not None and blocks and len(widths) == 1 + 2 * len(blocks):
        outputs = [widths["conv1"], *(widths[f"{block}_conv2"] for block in blocks)]
        mids = [widths[f"{block}_conv1"] for block in blocks]
        return {"family": "resnet", "classes": classes, "outputs": outputs, "mids": mids}
    raise ValueError(
        "The comparison knows the networks `vgg16` and `resnet` of tasks.models, by the names of "
        f"their layers. Received layers: {sorted(widths)}"
    )


def _blocks(names: Iterable[str]) -> list[str]:
    """Residual blocks in order; none if one lacks a convolution or there is no stem."""
    found = {}
    for name in names:
        match = re.fullmatch(r"(stage(\d+)_block(\d+))_conv[12]", name)
        if match:
            found[match[1]] = (int(match[2]), int(match[3]))
    whole = all(f"{block}_conv{i}" in names for block in found for i in (1, 2))
    return sorted(found, key=found.__getitem__) if whole and "conv1" in names else []


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Largest difference of two outputs, relative to the largest number in the first."""
    first, second = np.asarray(first, "float64"), np.asarray(second, "float64")
    largest = np.max(np.abs(first))
    return float(np.max(np.abs(first - second)) / (largest if largest > 0 else 1.0))
