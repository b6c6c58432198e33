"""Accuracy, size, cost and speed of the networks of a run."""

from typing import Any

import keras

import ccm_tf
from ccm_tf.conversion.quantization import QUANTIZATIONS
from ccm_tf.litert import latencies
from ccm_tf.reporting.stages import counted, stage
from tasks.evaluation import accuracy, keras_latencies, tflite_accuracy
from tasks.job import Job
from tasks.outputs import Outputs

NETWORKS = ("dense", "pruned", "finetuned")
# Files made from the last network, and the stages that they are.
SHIPPED = {
    "model.tflite": "tflite",
    **{f"model_{name}.tflite": name for name in QUANTIZATIONS if name},
}


def measured(job: Job) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Measures every network of a run on the test images.

    With LiteRT files, bytes are those of the file and latencies those of LiteRT on one thread and
    one image, taken in turns. Without, bytes are those of the weights and latencies those of
    Keras.

    Args:
        job: The run.

    Returns:
        The stages of the report, "dense", "pruned", "finetuned", "tflite" and the quantised files
        ("int8" and so on), each with `accuracy` (`None` without labels), `params`, `macs`,
        `bytes` and `latency_ms`, those left out that the run left out; and how it was measured,
        by figure.
    """
    models = {
        name: keras.saving.load_model(job.path(f"{name}.keras"), compile=False)
        for name in NETWORKS
        if job.has(f"{name}.keras")
    }
    rows = [_in_keras(name, model, job) for name, model in models.items()]
    in_litert = all(job.has(f"{name}.tflite") for name in models) and job.has("model.tflite")
    if in_litert:
        rows += _in_litert(rows, models, job)
    else:
        for row, latency in zip(rows, keras_latencies(list(models.values())), strict=True):
            row["latency_ms"] = latency
    how = _how(in_litert, quantized=rows[-1]["name"] in QUANTIZATIONS)
    if not job.dataset.labelled:
        del how["accuracy"]
    return rows, how


def _in_keras(name: str, model: keras.Model, job: Job) -> dict[str, Any]:
    published = ccm_tf.profile(model, convention="thop")
    task = f"testing the {name} network"
    return stage(
        name,
        accuracy=accuracy(model, _test(job), task) if job.dataset.labelled else None,
        **counted(ccm_tf.profile(model)),
        latency_ms=None,
        thop={"params": published.params, "macs": published.macs},
    )


def _test(job: Job):
    return job.dataset.batches("test", job.settings.images_per_pass)


def _in_litert(rows: list[dict[str, Any]], models: dict[str, keras.Model], job: Job) -> list:
    """Puts in what LiteRT says, and returns rows for the files that are shipped."""
    shipped = {file: name for file, name in SHIPPED.items() if job.has(file)}
    # A float file is a copy of the last network's; its speed is not measured twice.
    others = [job.path(file) for file, name in shipped.items() if name != "tflite"]
    files = [job.path(f"{name}.tflite") for name in models] + others
    times = dict(zip(files, latencies(files), strict=True))
    for row in rows:
        file = job.path(f"{row['name']}.tflite")
        row |= {"bytes": file.stat().st_size, "latency_ms": times[file]}
    last, made = rows[-1], []
    outputs = Outputs.of(models[last["name"]])
    for file, name in shipped.items():
        path = job.path(file)
        found = {
            "accuracy": tflite_accuracy(path, _test(job), outputs, f"testing {file}"),
            "bytes": path.stat().st_size,
            "latency_ms": times.get(path, last["latency_ms"]),
        }
        same = {key: last[key] for key in ("params", "macs", "thop")}
        made.append(stage(name, **found, **same))
    return made


def _how(in_litert: bool, quantized: bool) -> dict[str, str]:
    if in_litert:
        other = " where it does not say otherwise" if quantized else ""
        return {
            "accuracy": "test images, last epoch",
            "bytes": f"LiteRT file, float32{other}",
            "latency_ms": "LiteRT, one thread, one image, median of 50",
        }
    return {
        "accuracy": "test images, last epoch",
        "bytes": "weights, float32",
        "latency_ms": f"Keras on {keras.backend.backend()}, one image, median of 30",
    }
