"""Accuracy of a LiteRT file: of what is shipped, not of the model that it was made from."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ccm_tf.litert import LiteRTModel, run_model
from ccm_tf.statistics.batches import batches

Decide = Callable[[np.ndarray], np.ndarray]


def evaluate_tflite(
    file: str | os.PathLike[str],
    data: Any,
    *,
    decide: Decide | None = None,
    batch_size: int = 64,
    threads: int | None = None,
) -> dict[str, Any]:
    """Measures the accuracy of a LiteRT file.

    Converting and rounding to 8 bits change a model, so the accuracy that counts is the file's.
    TensorFlow is not needed.

    Args:
        file: A `.tflite` classifier (or segmentation) with one output.
        data: `(images, labels)`, a `tf.data.Dataset`, a `keras.utils.PyDataset` or batches
            `(images, labels)`. Labels are class numbers of shape (samples,), or (samples, …) with
            one for every position, or one-hot.
        decide: Function from an array of outputs to class numbers. Defaults to `None`: the number
            of the largest output; with a single output, whether it is above 0.5.
        batch_size: Samples per call where `data` is arrays. Defaults to 64; a file with a fixed
            batch size overrules it.
        threads: How many threads compute. Defaults to all of the machine's.

    Returns:
        A dict with `accuracy` (from 0 to 1), `samples` and `bytes` (size of the file).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a LiteRT model, has several outputs, or data and labels do
            not fit it.
        ImportError: If `ai-edge-litert` is not installed.

    Example:

    ```python
    print(ccm_tf.evaluate_tflite("slim.tflite", (x_test, y_test))["accuracy"])
    ```
    """
    model = LiteRTModel(file, threads or os.cpu_count() or 1)
    if len(model.output_names) != 1:
        raise ValueError(
            f"'{file}' has the outputs {list(model.output_names)}; accuracy needs a file with one. "
            "Run it with `ccm_tf.litert.run_tflite` and compare for yourself."
        )
    hits, total, samples = 0, 0, 0
    for inputs, labels in batches(data, batch_size, labels=True):
        outputs = run_model(model, inputs, batch_size)
        decided = (decide or decided_by)(outputs)
        truth = _class_numbers(np.asarray(labels), outputs)
        if truth.shape != decided.shape:
            raise ValueError(
                f"Labels of shape {np.shape(labels)} do not fit the outputs of '{file}', of shape "
                f"{outputs.shape}: expected class numbers of shape {decided.shape}, or one-hot."
            )
        hits += int(np.count_nonzero(truth == decided))
        total += truth.size
        samples += len(outputs)
    return {"accuracy": hits / total, "samples": samples, "bytes": model.bytes}


def decided_by(outputs: np.ndarray) -> np.ndarray:
    """Class numbers that outputs of shape (…, classes) stand for.

    Args:
        outputs: Scores whose largest wins, or a single probability per position.
    """
    if outputs.shape[-1] == 1:
        return (outputs[..., 0] > 0.5).astype("int64")
    return np.argmax(outputs, axis=-1)


def _class_numbers(labels: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    if labels.shape == outputs.shape:
        return labels[..., 0].astype("int64") if labels.shape[-1] == 1 else labels.argmax(-1)
    # Keras takes class numbers with an axis of one behind them too.
    return labels[..., 0] if labels.shape == (*outputs.shape[:-1], 1) else labels
