"""What can be timed: LiteRT files and Keras models."""

import dataclasses
import os
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from ccm_tf.graph.trace import functional_view
from ccm_tf.litert import LiteRTModel


@dataclasses.dataclass(frozen=True)
class Subject:
    """One thing to time.

    Attributes:
        name: What it is.
        runtime: What runs it.
        call: Runs it once, on one sample.
        one_thread: Whether the calling thread does all the work.
    """

    name: str
    runtime: str
    call: Callable[[], object]
    one_thread: bool = False


def litert_subject(path: str | os.PathLike[str], threads: int, name: str | None = None) -> Subject:
    """A LiteRT file in the interpreter, with its default delegate (XNNPACK on CPUs).

    Args:
        path: A `.tflite` file.
        threads: How many threads compute.
        name: What to call it. Defaults to the file's name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, cannot be run, or leaves sizes open.
    """
    file = LiteRTModel(path, threads)
    file.prepare()
    runtime = f"LiteRT, {threads} thread{'s' if threads > 1 else ''}"
    return Subject(name or pathlib.Path(path).name, runtime, file.invoke, threads == 1)


def keras_subject(model: keras.Model) -> Subject:
    """A Keras model, as `predict_on_batch` runs it.

    Args:
        model: A functional or sequential model; it need not be compiled.

    Raises:
        ValueError: If the model leaves sizes open.
    """
    view = functional_view(model)
    shapes = {tensor.name: tuple(tensor.shape[1:]) for tensor in view.inputs}
    if any(size is None for shape in shapes.values() for size in shape):
        raise ValueError(
            f"Model '{model.name}' leaves sizes of its inputs open: {shapes}. Build it for the "
            "size that it will run at."
        )

    def zeros(tensor: Any) -> np.ndarray:
        dtype = keras.backend.standardize_dtype(tensor.dtype)
        return np.zeros((tensor.shape[0] or 1, *tensor.shape[1:]), dtype)

    sample = keras.tree.map_structure(zeros, view.input)
    return Subject(
        model.name, f"Keras, {keras.backend.backend()}", lambda: model.predict_on_batch(sample)
    )
