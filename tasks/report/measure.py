"""Accuracy, size, cost and speed of the networks of a run."""

import json
from typing import Any

import keras
import numpy as np

import ccm_tf
from ccm_tf.litert import latencies, run_tflite
from tasks import progress
from tasks.evaluation import accuracy, correct, keras_latencies
from tasks.job import Job
from tasks.outputs import Outputs

NETWORKS = ("dense", "pruned", "finetuned")


def measured(job: Job) -> dict[str, Any]:
    """Measures every network of a run on the test images.

    With LiteRT files, bytes are those of the file and latencies those of LiteRT on one thread and
    one image, taken in turns. Without, bytes are those of the weights and latencies those of
    Keras. `how` in the result says which.

    Args:
        job: The run.

    Returns:
        "dense", "pruned", "finetuned" and "tflite", each with `accuracy` (`None` without
        labels), `params`, `macs`, `bytes` and `latency_ms`, or `None` if it was left out; and
        "how".
    """
    rows: dict[str, Any] = {name: None for name in (*NETWORKS, "tflite")}
    models = {
        name: keras.saving.load_model(job.path(f"{name}.keras"), compile=False)
        for name in NETWORKS
        if job.has(f"{name}.keras")
    }
    for name, model in models.items():
        rows[name] = _in_keras(model, job, f"testing the {name} network")
    in_litert = all(job.has(f"{name}.tflite") for name in models) and job.has("model.tflite")
    if in_litert:
        _in_litert(rows, models, job)
    else:
        for name, latency in zip(models, keras_latencies(list(models.values())), strict=True):
            rows[name]["latency_ms"] = latency
    how = _how(in_litert)
    if not job.dataset.labelled:
        del how["accuracy"]
    return rows | {"how": how}


def _in_keras(model: keras.Model, job: Job, task: str) -> dict[str, Any]:
    counted, published = ccm_tf.profile(model), ccm_tf.profile(model, convention="thop")
    return {
        "accuracy": accuracy(model, _test(job), task) if job.dataset.labelled else None,
        "params": counted.params,
        "macs": counted.macs,
        "bytes": counted.bytes,
        "latency_ms": None,
        "thop": {"params": published.params, "macs": published.macs},
    }


def _test(job: Job):
    return job.dataset.batches("test", job.settings.images_per_pass)


def _in_litert(rows: dict[str, Any], models: dict[str, keras.Model], job: Job) -> None:
    """Puts in what LiteRT says, and adds the row of the file that is shipped."""
    files = [job.path(f"{name}.tflite") for name in models]
    for name, file, milliseconds in zip(models, files, latencies(files), strict=True):
        rows[name] |= {"bytes": file.stat().st_size, "latency_ms": milliseconds}
    last = [*models][-1]
    shipped = job.path("model.tflite")
    rows["tflite"] = rows[last] | {"bytes": shipped.stat().st_size}
    if job.dataset.labelled:
        outputs, hits = Outputs.of(models[last]), 0.0
        for x, y in progress.watched(_test(job), "testing model.tflite"):
            hits += correct(np.asarray(run_tflite(shipped, x)), y, outputs) * len(y)
        rows["tflite"]["accuracy"] = hits / len(job.dataset.test)


def _how(in_litert: bool) -> dict[str, str]:
    if in_litert:
        return {
            "accuracy": "test images, last epoch",
            "bytes": "LiteRT file, float32",
            "latency_ms": "LiteRT, one thread, one image, median of 50",
        }
    return {
        "accuracy": "test images, last epoch",
        "bytes": "weights, float32",
        "latency_ms": f"Keras on {keras.backend.backend()}, one image, median of 30",
    }


def history(job: Job, name: str) -> list[dict[str, Any]]:
    """Records of every epoch of "dense" or "finetuned"; empty if there was no training."""
    path = job.path(f"{name}_history.json")
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
