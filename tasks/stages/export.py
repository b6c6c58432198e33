"""Stage `export`: LiteRT files."""

import shutil

import keras

import ccm_tf
from ccm_tf.files import atomic_path
from tasks.job import Job
from tasks.stages.stage import Stage


def run(job: Job) -> None:
    """Exports the final network as `model.tflite`, and the others to compare it with."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        print(
            f"No LiteRT file: the converter needs Keras on TensorFlow, and it runs on {backend}. "
            "Run the same command with KERAS_BACKEND=tensorflow to export what is there."
        )
        return
    networks = [name for name in ("dense", "pruned", "finetuned") if job.has(f"{name}.keras")]
    for name in networks:
        model = keras.saving.load_model(job.path(f"{name}.keras"), compile=False)
        written = ccm_tf.export_tflite(model, job.path(f"{name}.tflite"))
        print(
            f"{name}.tflite: {written.bytes / 1e6:.2f} MB, differs from Keras by "
            f"{written.max_difference:.0e} on random images",
            flush=True,
        )
    with atomic_path(job.path("model.tflite")) as temporary:
        shutil.copyfile(job.path(f"{networks[-1]}.tflite"), temporary)


EXPORT = Stage(
    "export",
    "export LiteRT files",
    run,
    makes=("dense.tflite", "pruned.tflite", "model.tflite"),
    needs=("dense.keras", "pruned.keras"),
    uses=("finetuned.keras",),
)
