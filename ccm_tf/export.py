"""Exporting a Keras model to a LiteRT (.tflite) file that is checked on the spot."""

import dataclasses
import os
import pathlib
from typing import Any

import keras
import numpy as np

from ccm_tf.files import atomic_path
from ccm_tf.graph.trace import functional_view
from ccm_tf.litert import LiteRTModel
from ccm_tf.terminal import captured_output

# Random batches on which file and model are compared: (seed, batch size). Two sizes, because a
# conversion can freeze the batch size of its example into the file.
_CHECKS = ((0, 1), (1, 3), (2, 4))

# What an unknown axis (image height, sequence length) is taken to be in the comparison.
_UNKNOWN_SIZE = 64

_REDUCED = {"mixed_float16", "mixed_bfloat16", "float16", "bfloat16"}


@dataclasses.dataclass(frozen=True)
class Export:
    """What `export_tflite` wrote.

    Attributes:
        path: The file.
        bytes: Its size.
        max_difference: Largest difference between an output of the file and of the Keras model
            on random input, relative to the largest value of that output.
    """

    path: pathlib.Path
    bytes: int
    max_difference: float


def export_tflite(
    model: keras.Model, path: str | os.PathLike[str], tolerance: float = 1e-4
) -> Export:
    """Writes a model as a LiteRT file and makes sure that the file computes the same.

    Converters can "succeed" with a file that returns nonsense. So the new file is run at once
    on random input beside the Keras model; only if they agree does it take its place at `path`.
    Models of mixed or half precision are exported in float32, the precision of their variables.

    Args:
        model: A built functional or sequential model, with any number of inputs and outputs.
        path: Where to write; must end in `.tflite`. A file that is there is replaced.
        tolerance: Largest accepted difference, relative to the largest value of each output.
            Defaults to 1e-4.

    Returns:
        An `Export` with the path, the size and the largest difference seen.

    Raises:
        ValueError: If the suffix is not `.tflite`, the model has no graph, or the model itself
            returns NaN or infinity.
        RuntimeError: If Keras does not run on TensorFlow, the model cannot be converted, or the
            converted model differs from it. No file is left then.
        ImportError: If `ai-edge-litert` is not installed.
        OSError: If the file cannot be written.

    Example:

    ```python
    slim = ccm_tf.rewrite(model, plan)
    print(ccm_tf.export_tflite(slim, "slim.tflite").bytes)
    ```
    """
    path = pathlib.Path(path)
    if path.suffix != ".tflite":
        raise ValueError(f"Expected a path that ends in '.tflite'. Received: '{path}'.")
    if not tolerance > 0:
        raise ValueError(f"Expected a tolerance above 0. Received: tolerance={tolerance}.")
    _require_tensorflow()
    # The plain view has an `input` in the caller's structure, which a Sequential has not.
    model = _in_float32(functional_view(model))
    with atomic_path(path) as temporary:
        _convert(model, temporary)
        difference = _largest_difference(model, LiteRTModel(temporary))
        if not difference <= tolerance:
            raise RuntimeError(
                f"The LiteRT conversion of model '{model.name}' computes something else than the "
                f"model: on random input an output differs by {difference:.3g} of its largest "
                f"value, more than the tolerance {tolerance:.3g}. No file was written."
            )
        size = temporary.stat().st_size
    return Export(path, size, difference)


def _require_tensorflow() -> None:
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"LiteRT export needs Keras on TensorFlow; it runs on {backend} here. Save the model "
            "with `model.save('model.keras')`, load it in a process started with "
            "KERAS_BACKEND=tensorflow, and export it there."
        )


def _convert(model: keras.Model, path: pathlib.Path, **options: Any) -> None:
    """Writes the file; `options` are attributes of TensorFlow's converter."""
    import tensorflow as tf

    # Its handler keeps the stream that it first sees, which must not be the captured one.
    tf.get_logger()
    # Built-in operations only: a file with TensorFlow's own needs a runtime that few have.
    options.setdefault("target_spec", {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]})
    try:
        with captured_output():
            model.export(str(path), format="litert", verbose=False, **options)
    except OSError:
        raise
    except Exception as error:  # The converter raises whatever it likes.
        reason = " ".join(str(error).split())
        raise RuntimeError(
            f"Model '{model.name}' cannot be converted to LiteRT. The converter said: "
            f"{reason[:600]}"
        ) from error


def _in_float32(model: keras.Model) -> keras.Model:
    """The model itself, or a copy with float32 policies if it computes in reduced precision."""
    try:
        config = model.get_config()
    except (NotImplementedError, TypeError, ValueError):
        # A layer that cannot be copied may still be converted as it is.
        return model
    plain = _float32_config(config)
    if plain == config:
        return model
    copy = keras.Model.from_config(plain)
    copy.set_weights(model.get_weights())
    return copy


def _float32_config(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") == "DTypePolicy" and _is_reduced(value["config"]["name"]):
            return {**value, "config": {**value["config"], "name": "float32"}}
        return {
            key: "float32" if key == "dtype" and _is_reduced(item) else _float32_config(item)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return type(value)(_float32_config(item) for item in value)
    return value


def _is_reduced(dtype: Any) -> bool:
    return isinstance(dtype, str) and dtype in _REDUCED


def _largest_difference(model: keras.Model, converted: LiteRTModel) -> float:
    """Over random batches and all outputs; NaN if the file returns NaN."""
    differences = [0.0]
    for seed, batch_size in _CHECKS:
        inputs = _random_inputs(model, seed, batch_size)
        # On the CPU, as LiteRT will be: a GPU may round products to fewer bits.
        with keras.device("cpu:0"):
            result = model(inputs, training=False)
        expected = [keras.ops.convert_to_numpy(value) for value in keras.tree.flatten(result)]
        names = [tensor.name for tensor in model.inputs]
        flat = keras.tree.flatten(inputs)
        received = converted(dict(zip(names, flat, strict=True)))
        outputs = list(received.values()) if isinstance(received, dict) else [received]
        for want, got in zip(expected, outputs, strict=True):
            differences.append(_relative_difference(model, want, got))
    # Not `max`: it drops NaN.
    return float(np.max(differences))


def _relative_difference(model: keras.Model, want: np.ndarray, got: np.ndarray) -> float:
    if not np.all(np.isfinite(want)):
        raise ValueError(
            f"Model '{model.name}' returns NaN or infinity on random input, so its conversion "
            "cannot be checked. Look at its weights: they hold NaN, or its training diverged."
        )
    if want.shape != got.shape:
        return float("inf")
    scale = max(float(np.max(np.abs(want), initial=0.0)), 1e-6)
    return float(np.max(np.abs(want.astype("float64") - got), initial=0.0)) / scale


def _random_inputs(model: keras.Model, seed: int, batch_size: int) -> Any:
    """Random tensors in the structure of the model's inputs."""
    generator = np.random.default_rng(seed)

    def sample(tensor):
        shape = [tensor.shape[0] or batch_size, *(s or _UNKNOWN_SIZE for s in tensor.shape[1:])]
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        if dtype == "uint8":
            return generator.integers(0, 256, shape).astype(dtype)
        if "int" in dtype or dtype == "bool":
            # Small enough to be an index into any vocabulary.
            return generator.integers(0, 2, shape).astype(dtype)
        return generator.standard_normal(shape).astype(dtype)

    return keras.tree.map_structure(sample, model.input)
