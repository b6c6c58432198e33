"""Accuracy and latency of a model."""

import statistics
import time
from collections.abc import Sequence

import keras
import numpy as np

from tasks import progress
from tasks.batches import Batches


def accuracy(model: keras.Model, batches: Batches, task: str = "") -> float:
    """Share of images whose largest logit is the right one.

    Args:
        model: A model that returns logits; it need not be compiled.
        batches: Images in order: `Batches` without a seed.
        task: What is going on, printed first, on a terminal with a progress bar. Defaults to
            nothing.

    Returns:
        A number from 0 to 1.
    """
    if task:
        print(task, flush=True)
    verbose = int(bool(task) and progress.interactive())
    return correct(model.predict(batches, verbose=verbose), batches.labels)


def correct(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of rows whose largest entry is at the label."""
    return float(np.mean(np.argmax(logits, axis=-1) == labels))


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
