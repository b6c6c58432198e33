"""The other formats that Keras exports to, each written whole or not at all and checked."""

import contextlib
import dataclasses
import os
import pathlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from ccm_tf.conversion.samples import random_batches, structured
from ccm_tf.files import atomic_path
from ccm_tf.terminal import captured_output

Run = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        about: What it is, for messages.
        suffix: How its paths end; empty for a folder.
        needs: Packages that Keras imports for it.
        reader: `reader(path)` returns a function from the model's inputs to its outputs, or
            `None` where nothing is installed that runs such files.
        beside: Suffixes of files that belong to the one at the path.
    """

    about: str
    suffix: str
    needs: tuple[str, ...]
    reader: Callable[[pathlib.Path], Run | None]
    beside: tuple[str, ...] = ()


def _saved_model(path: pathlib.Path) -> Run | None:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    # Not `loaded.serve` itself: the variables live only as long as what was loaded.
    return lambda inputs: loaded.serve(inputs)


def _onnx(path: pathlib.Path) -> Run | None:
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(str(path))
    names = [value.name for value in session.get_inputs()]

    def run(inputs: Any) -> Any:
        flat = keras.tree.flatten(inputs)
        return session.run(None, dict(zip(names, flat, strict=True)))

    return run


def _openvino(path: pathlib.Path) -> Run | None:
    try:
        import openvino
    except ImportError:
        return None
    # Left to itself it computes in bfloat16 where a processor can.
    precision = {"INFERENCE_PRECISION_HINT": "f32"}
    network = openvino.Core().compile_model(str(path), "CPU", precision)

    def run(inputs: Any) -> Any:
        found = network(keras.tree.flatten(inputs))
        return [found[output] for output in network.outputs]

    return run


FORMATS: dict[str, Format] = {
    "tf_saved_model": Format("TensorFlow's SavedModel", "", ("tensorflow",), _saved_model),
    "onnx": Format("ONNX", ".onnx", ("onnx", "tf2onnx"), _onnx),
    "openvino": Format("OpenVINO", ".xml", ("openvino",), _openvino, (".bin",)),
}


def write(model: keras.Model, path: pathlib.Path, name: str, tolerance: float) -> float | None:
    """Writes a model in one of `FORMATS` and compares.

    Args:
        model: A functional model in float32.
        path: Where to write.
        name: A key of `FORMATS`.
        tolerance: Largest accepted difference, relative to the largest value of each output.

    Returns:
        The largest difference; `None` where nothing is installed that runs the format.

    Raises:
        ValueError: If the path has another suffix.
        ImportError: If Keras needs a package for it that is missing.
        RuntimeError: If the model cannot be converted, or the result differs.
        OSError: If it cannot be written.
    """
    kind = FORMATS[name]
    if path.suffix != kind.suffix:
        expected = f"ends in '{kind.suffix}'" if kind.suffix else "names a folder, without suffix"
        raise ValueError(f"Expected a path that {expected} for {kind.about}. Received: '{path}'.")
    if kind.beside:
        return _files(model, path, name, tolerance)
    if kind.suffix:
        with atomic_path(path) as temporary:
            return _written(model, temporary, name, tolerance)
    return _folder(model, path, name, tolerance)


def _folder(model: keras.Model, path: pathlib.Path, name: str, tolerance: float) -> float | None:
    if path.exists():
        raise FileExistsError(f"'{path}' exists already. Remove it, or take another path.")
    with _temporary_folder(path) as temporary:
        difference = _written(model, temporary, name, tolerance)
        os.replace(temporary, path)
    return difference


def _files(model: keras.Model, path: pathlib.Path, name: str, tolerance: float) -> float | None:
    with _temporary_folder(path) as temporary:
        difference = _written(model, temporary / path.name, name, tolerance)
        # The file at the path comes last and goes first: without it nobody reads the others, so
        # that no old graph is ever read with new weights.
        path.unlink(missing_ok=True)
        for suffix in (*FORMATS[name].beside, path.suffix):
            os.replace((temporary / path.name).with_suffix(suffix), path.with_suffix(suffix))
    return difference


@contextlib.contextmanager
def _temporary_folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A folder next to a path, which is gone afterwards."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    # Notices a parent that is missing or cannot be written to before any work.
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _written(model: keras.Model, path: pathlib.Path, name: str, tolerance: float) -> float | None:
    kind = FORMATS[name]
    # Some of Keras's exporters want a model that has been called.
    model(structured(model, next(random_batches(model))), training=False)
    try:
        with captured_output():
            model.export(str(path), format=name, verbose=False)
    except ImportError as error:
        raise ImportError(
            f"Keras writes {kind.about} with {' and '.join(kind.needs)}: pip install "
            f"{' '.join(kind.needs)}. It said: {error}"
        ) from error
    except OSError:
        raise
    except Exception as error:  # Converters raise whatever they like.
        reason = " ".join(str(error).split())
        raise RuntimeError(
            f"Model '{model.name}' cannot be written as {kind.about}. Keras said: {reason[:600]}"
        ) from error
    run = kind.reader(path)
    difference = None if run is None else _difference(model, run)
    if difference is not None and not difference <= tolerance:
        raise RuntimeError(
            f"The {kind.about} of model '{model.name}' computes something else than the model: an "
            f"output differs by {difference:.3g} of its largest value, more than the tolerance "
            f"{tolerance:.3g}. Nothing was written."
        )
    return difference


def _difference(model: keras.Model, run: Run) -> float:
    differences = [0.0]
    for batch in random_batches(model):
        inputs = structured(model, batch)
        expected = keras.tree.flatten(model(inputs, training=False))
        for want, got in zip(expected, keras.tree.flatten(run(inputs)), strict=True):
            want, got = np.asarray(want, "float64"), np.asarray(got)
            size = max(float(np.max(np.abs(want), initial=0.0)), 1e-6)
            differences.append(float(np.max(np.abs(want - got), initial=0.0)) / size)
    # Not `max`: it drops NaN.
    return float(np.max(differences))
