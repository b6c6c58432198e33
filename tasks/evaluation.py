"""Accuracy and latency of a model."""

import os
import statistics
import time
from collections.abc import Sequence

import keras
import numpy as np

import ccm_tf
from tasks import progress
from tasks.batches import Batches
from tasks.outputs import Outputs


def accuracy(model: keras.Model, batches: Batches, task: str = "") -> float | None:
    """Share of images, or of pixels in a segmentation, of which a model tells the right class.

    Args:
        model: A classifier with one output; it need not be compiled.
        batches: Images in order: `Batches` without a seed.
        task: What is going on, printed first, on a terminal with a progress bar. Defaults to
            nothing.

    Returns:
        A number from 0 to 1; `None` if the images have no labels.
    """
    if batches.labels is None:
        return None
    outputs, hits = Outputs.of(model), 0.0
    shown = progress.watched(batches, task) if task else batches
    for x, y in shown:
        hits += correct(np.asarray(model.predict_on_batch(x)), y, outputs) * len(y)
    return hits / len(batches.labels)


def tflite_accuracy(
    path: str | os.PathLike[str], batches: Batches, outputs: Outputs, task: str = ""
) -> float | None:
    """The same of a LiteRT file: of what is shipped.

    Args:
        path: The file.
        batches: As for `accuracy`.
        outputs: What the file's outputs mean: `Outputs.of` the model that it was made from.
        task: As for `accuracy`.

    Returns:
        A number from 0 to 1; `None` if the images have no labels.
    """
    if batches.labels is None:
        return None
    shown = progress.watched(batches, task) if task else batches
    return ccm_tf.evaluate_tflite(path, shown, decide=outputs.decided)["accuracy"]


def correct(values: np.ndarray, labels: np.ndarray, outputs: Outputs) -> float:
    """Share of outputs that stand for the right class."""
    return float(np.mean(outputs.decided(values) == labels))


def keras_latencies(models: Sequence[keras.Model], runs: int = 30) -> list[float]:
    """Median time of one prediction on one image in Keras, in milliseconds.

    The models take turns, so that a machine that slows down slows all of them down.

    Args:
        models: The models; they need not be compiled.
        runs: Timed predictions of each. Defaults to 30.

    Returns:
        One number per model.
    """
    times: list[list[float]] = [[] for _ in models]
    # The first turn compiles.
    for _ in range(runs + 1):
        for model, seen in zip(models, times, strict=True):
            image = np.zeros((1, *model.input_shape[1:]), "float32")
            start = time.perf_counter()
            model.predict_on_batch(image)
            seen.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(seen[1:]) for seen in times]
