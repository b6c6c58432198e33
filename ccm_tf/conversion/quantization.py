"""The kinds of numbers that a LiteRT file can hold, by name."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Feed = Callable[[], Iterator[dict[str, np.ndarray]]]


@dataclasses.dataclass(frozen=True)
class Quantization:
    """One way to write numbers.

    Attributes:
        about: What it does, for messages and documentation.
        calibrated: Whether real inputs are needed to find the ranges of feature maps.
        measure: What the tolerance bounds: `"max"`, the largest difference of a single output, or
            `"rms"`, the root mean square: rounding to 256 steps may be off anywhere, but not
            everywhere.
        tolerance: Default of the largest accepted difference, relative to the outputs.
        settings: `settings(tf, feed)` returns attributes of TensorFlow's converter.
    """

    about: str
    calibrated: bool
    measure: str
    tolerance: float
    settings: Callable[[Any, Feed | None], dict[str, Any]]


def _float32(tf: Any, feed: Feed | None) -> dict[str, Any]:
    # Built-in operations only: a file with TensorFlow's own needs a runtime that few have.
    return {"target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}}


def _float16(tf: Any, feed: Feed | None) -> dict[str, Any]:
    spec = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS], "supported_types": [tf.float16]}
    return {"optimizations": [tf.lite.Optimize.DEFAULT], "target_spec": spec}


def _dynamic(tf: Any, feed: Feed | None) -> dict[str, Any]:
    return {"optimizations": [tf.lite.Optimize.DEFAULT], **_float32(tf, feed)}


def _int8(tf: Any, feed: Feed | None) -> dict[str, Any]:
    return _integers(tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf, feed)


def _int16x8(tf: Any, feed: Feed | None) -> dict[str, Any]:
    name = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
    return _integers(getattr(tf.lite.OpsSet, name), tf, feed)


def _integers(operations: Any, tf: Any, feed: Feed | None) -> dict[str, Any]:
    return {
        "optimizations": [tf.lite.Optimize.DEFAULT],
        "representative_dataset": feed,
        "target_spec": {"supported_ops": [operations]},
    }


QUANTIZATIONS: dict[str | None, Quantization] = {
    None: Quantization("float32, as trained", False, "max", 1e-4, _float32),
    "float16": Quantization(
        "weights in 16-bit floats: half the size; computes in float32 on CPUs",
        False,
        "max",
        1e-2,
        _float16,
    ),
    "dynamic": Quantization(
        "weights in 8-bit integers, feature maps scaled as they come",
        False,
        "rms",
        0.25,
        _dynamic,
    ),
    "int8": Quantization(
        "weights and feature maps in 8-bit integers; inputs and outputs stay float32",
        True,
        "rms",
        0.25,
        _int8,
    ),
    "int16x8": Quantization(
        "weights in 8-bit, feature maps in 16-bit integers; inputs and outputs stay float32",
        True,
        "rms",
        0.1,
        _int16x8,
    ),
}


def get_quantization(name: str | None, calibration: Any) -> Quantization:
    """The quantisation of a name, with what it needs at hand.

    Args:
        name: A key of `QUANTIZATIONS`.
        calibration: The caller's real inputs, or `None`.

    Raises:
        ValueError: If there is no such quantisation, or it needs calibration data and has none.
    """
    if name not in QUANTIZATIONS:
        known = ", ".join(repr(key) for key in QUANTIZATIONS)
        raise ValueError(f"`quantize` must be one of {known}. Received: quantize={name!r}.")
    found = QUANTIZATIONS[name]
    if found.calibrated and calibration is None:
        raise ValueError(
            f"quantize={name!r} needs `calibration`: a hundred or so real inputs, prepared as for "
            "the model, on which the ranges of feature maps are measured. Pass an array, a data "
            "set or batches of them, for example calibration=x_train[:200]; or take "
            "quantize='dynamic', which needs none."
        )
    return found
