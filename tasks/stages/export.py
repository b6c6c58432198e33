"""Stage `export`: LiteRT files."""

import contextlib
import shutil
from typing import Any

import keras
import numpy as np

import ccm_tf
from ccm_tf.files import atomic_path, write_json
from tasks.evaluation import tflite_accuracy
from tasks.job import Job
from tasks.outputs import Outputs
from tasks.stages.select import statistics_images
from tasks.stages.stage import Stage

# Training images on which ranges of feature maps are measured.
_CALIBRATION = 256


def run(job: Job) -> None:
    """Exports the final network as `model.tflite`, and the others to compare it with.

    With --quantize, the final network is also written as `model_int8.tflite` and so on, with the
    ranges that it has on training images. `export.json` says of every file how far it agrees with
    its network, and how accurate the files of the final network are on validation images.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        print(
            f"No LiteRT file: the converter needs Keras on TensorFlow, and it runs on {backend}. "
            "Run the same command with KERAS_BACKEND=tensorflow to export what is there."
        )
        return
    networks = [name for name in ("dense", "pruned", "finetuned") if job.has(f"{name}.keras")]
    about: dict[str, Any] = {}
    for name in networks:
        model = keras.saving.load_model(job.path(f"{name}.keras"), compile=False)
        plan = None if name == "dense" else _plan(job)
        about[f"{name}.tflite"] = _written(job, model, f"{name}.tflite", plan)
    with atomic_path(job.path("model.tflite")) as temporary:
        shutil.copyfile(job.path(f"{networks[-1]}.tflite"), temporary)
    about["model.tflite"] = about[f"{networks[-1]}.tflite"]
    for quantize in job.settings.selection.quantize:
        about[f"model_{quantize}.tflite"] = _written(
            job, model, f"model_{quantize}.tflite", plan, quantize
        )
    _judged(job, model, about)
    write_json(job.path("export.json"), about)


def _plan(job: Job) -> ccm_tf.PruningPlan | None:
    """The plan of channels that made the pruned network; `None` if something else made it."""
    if job.has("plan.json"):
        # Plans of directions have a format of their own.
        with contextlib.suppress(ValueError):
            return ccm_tf.PruningPlan.load(job.path("plan.json"))
    return None


def _written(
    job: Job,
    model: keras.Model,
    name: str,
    plan: ccm_tf.PruningPlan | None,
    quantize: str | None = None,
) -> dict[str, Any]:
    prepared = job.dataset.preprocessing
    classes = job.dataset.classes
    options = ccm_tf.ExportOptions(
        labels=classes if len(classes) == model.output_shape[-1] else None,
        input_scaling={
            "scale": 1 / 255,
            "mean": [float(value) for value in prepared.mean],
            "std": [float(value) for value in prepared.std],
            "bgr": prepared.bgr,
        },
        plan=plan,
    )
    written = ccm_tf.export_tflite(
        model,
        job.path(name),
        quantize=quantize,
        calibration=statistics_images(job, _CALIBRATION) if quantize else None,
        options=options,
    )
    found = written.agreement
    print(
        f"{name}: {written.bytes / 1e6:.2f} MB, differs from Keras by {found.max_difference:.0e} "
        f"on {'training' if quantize else 'random'} images",
        flush=True,
    )
    return {
        "quantize": quantize,
        "bytes": written.bytes,
        "max_difference": found.max_difference,
        "rms_difference": found.rms_difference,
        "same_decision": found.same_decision,
    }


def _judged(job: Job, model: keras.Model, about: dict[str, Any]) -> None:
    """Adds the accuracy of quantised files, and of the float file to compare them with."""
    quantized = [name for name, values in about.items() if values["quantize"]]
    if not quantized or job.dataset.validation is None or not job.dataset.labelled:
        return
    outputs, size = Outputs.of(model), job.settings.images_per_pass
    for name in ("model.tflite", *quantized):
        images = job.dataset.batches("validation", size)
        found = tflite_accuracy(job.path(name), images, outputs, f"testing {name}")
        about[name] = {**about[name], "validation_accuracy": found}
        print(f"{name}: {100 * np.float64(found):.2f} % of validation images right", flush=True)


EXPORT = Stage(
    "export",
    "export LiteRT files",
    run,
    makes=("dense.tflite", "pruned.tflite", "model.tflite"),
    needs=("dense.keras", "pruned.keras"),
    uses=("finetuned.keras",),
)
