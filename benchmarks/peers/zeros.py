"""Zeros (tfmot) against removed channels (ccm_tf): the other half of the comparison."""

import dataclasses
import gzip
import os
import pathlib
import subprocess
import sys
from typing import Any

import keras
import numpy as np

import ccm_tf
from benchmarks.peers import network
from benchmarks.peers.inputs import Inputs
from ccm_tf.files import write_json


def kernel_weights(model: keras.Model) -> int:
    """Number of weights in kernels, which are what tfmot sets to zero."""
    named = network.variables(model).items()
    return sum(int(np.prod(v.shape)) for name, v in named if name.endswith("/kernel"))


def sparsity_like(slim: keras.Model, dense: keras.Model) -> float:
    """Share of zeros that leaves as many weights as removing channels did."""
    return 1 - kernel_weights(slim) / kernel_weights(dense)


def with_zeros(model: keras.Model, sparsity: float) -> keras.Model:
    """A copy in which the smallest weights of every kernel are zero, as tfmot chooses them."""
    arrays = network.arrays_of(model)
    for name, kernel in arrays.items():
        count = round(sparsity * kernel.size)
        if name.endswith("/kernel") and count:
            smallest = np.argsort(np.abs(kernel), axis=None, kind="stable")[:count]
            kernel = kernel.copy()
            kernel.flat[smallest] = 0
            arrays[name] = kernel
    return network.network_of(arrays)


@dataclasses.dataclass(frozen=True)
class TfmotJob:
    """tfmot's training of one network.

    Attributes:
        model: Path of the dense network.
        inputs: Path of the images.
        recipe: The fine-tuning.
        threads: Threads of TensorFlow.
    """

    model: pathlib.Path
    inputs: pathlib.Path
    recipe: dict[str, Any]
    threads: int = 2

    def run(self, sparsity: float, output: pathlib.Path) -> keras.Model:
        """Trains in another process.

        Args:
            sparsity: Share of every kernel that becomes zero.
            output: Where the network is saved.

        Raises:
            RuntimeError: If the other process fails.
        """
        output.parent.mkdir(parents=True, exist_ok=True)
        path = output.with_suffix(".job.json")
        job = {
            **{"model": str(self.model), "inputs": str(self.inputs), "output": str(output)},
            **{"recipe": self.recipe, "threads": self.threads, "sparsity": sparsity},
        }
        write_json(path, job)
        command = [sys.executable, "-m", "benchmarks.peers.tfmot_side", str(path)]
        # Inherited, tf_keras or not would no longer be this side's choice.
        environment = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
        try:
            subprocess.run(command, check=True, env=environment)
        except subprocess.CalledProcessError as error:
            raise RuntimeError(
                f"tfmot's part failed ({error}). It needs `pip install '.[tfmot]'`."
            ) from error
        return keras.models.load_model(output, compile=False)


def zeros_at_once(
    model: keras.Model, sparsity: float, inputs: Inputs
) -> tuple[dict[str, float], float]:
    """Accuracy with zeros and no training, as it is and recalibrated, and the share of zeros."""
    sparse = with_zeros(model, sparsity)
    found = {"pruned": network.accuracy(sparse, inputs)}
    ccm_tf.recalibrate(sparse, inputs.normalised("recalibration")[0])
    found["recalibrated"] = network.accuracy(sparse, inputs)
    return found, network.share_of_zeros(sparse)


def files(models: dict[str, pathlib.Path], folder: pathlib.Path, runs: int) -> dict[str, Any]:
    """Size and latency of LiteRT files, measured in turns on one thread.

    Args:
        models: Paths of saved networks by name; the first one is the yardstick.
        folder: Where to write the files.
        runs: Timed calls of each.

    Returns:
        By name: `bytes`, `gzip_bytes`, `median_ms`, `processor_ms`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for number, (name, path) in enumerate(models.items()):
        paths[name] = folder / f"{number}.tflite"
        ccm_tf.export_tflite(keras.models.load_model(path, compile=False), paths[name])
    first, *others = paths.values()
    timed = ccm_tf.benchmark_latency(first, threads=1, runs=runs, against=others)
    return {
        name: {
            "bytes": path.stat().st_size,
            "gzip_bytes": len(gzip.compress(path.read_bytes(), 9)),
            "median_ms": row.median_ms,
            "processor_ms": row.processor_ms,
        }
        for (name, path), row in zip(paths.items(), timed.rows, strict=True)
    }
