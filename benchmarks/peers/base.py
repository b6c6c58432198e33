"""The trained network and the recipe, both from the accuracy benchmark."""

import hashlib
import pathlib
import tomllib
from collections.abc import Callable
from typing import Any

import keras

from benchmarks.accuracy import matrix
from benchmarks.accuracy.cells import DENSE, Cell
from benchmarks.accuracy.results import Results
from benchmarks.accuracy.runner import Runner
from benchmarks.peers import network
from benchmarks.peers.weights import describe
from tasks.data import Dataset

SEED = 0
_NETWORK = "vgg16 w0.25"


def steps_of_matrix() -> dict[str, dict[str, Any]]:
    """The settings of its steps: how many images, how to fine-tune."""
    with open(matrix.PATH, "rb") as file:
        return tomllib.load(file)["steps"]


def trained_cell() -> Cell:
    """VGG-16 at a quarter of its width, trained without CCM-loss."""
    wanted = {"network": _NETWORK, "training": "none", "seed": SEED, "stage": DENSE}
    return next(
        cell.training
        for cell in matrix.load_cells()
        if all(cell.training.labels[name] == value for name, value in wanted.items())
    )


def base_network(
    given: pathlib.Path | None, work_dir: pathlib.Path, load: Callable[[], Dataset]
) -> pathlib.Path:
    """Path of the trained network; trained here if none is given.

    Args:
        given: A network of `tasks.models` saved as `.keras`.
        work_dir: Where one is trained, resumable.
        load: Reads the images to train on.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no network that the comparison knows.
    """
    if given is None:
        given = work_dir / "dense.keras"
        if not given.is_file():
            results = Results(work_dir / "accuracy.jsonl")
            runner = Runner(work_dir / "accuracy", results, lambda settings: load())
            network.save(runner.network(trained_cell()), given)
    if not given.is_file():
        raise FileNotFoundError(f"There is no network at {given}.")
    describe(network.arrays_of(keras.models.load_model(given, compile=False)))
    return given


def fingerprint(path: pathlib.Path) -> str:
    """Tells networks apart by their weights, whatever their files are called."""
    digest = hashlib.sha256()
    model = keras.models.load_model(path, compile=False)
    for name, array in sorted(network.arrays_of(model).items()):
        digest.update(name.encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:12]
