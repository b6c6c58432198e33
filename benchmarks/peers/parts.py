"""The order of the pieces, and what the results file says of them."""

import argparse
import importlib.metadata
import itertools
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.accuracy.environment import environment
from benchmarks.peers import base, inputs
from benchmarks.peers.comparison import LARGE, Comparison
from benchmarks.peers.methods import BUDGETS, OURS, OWN, PEERS, THEIRS, Own, Peer
from tasks.data import Dataset, load

_TFMOT = ("tensorflow-model-optimization", "tf_keras", "ai-edge-litert")


class _Once:
    """Reads the data set when it is needed first."""

    def __init__(self, data_dir):
        self._data_dir = data_dir
        self._dataset: Dataset | None = None

    def __call__(self) -> Dataset:
        if self._dataset is None:
            self._dataset = load("image_folder", self._data_dir)
        return self._dataset


def comparison_of(options: argparse.Namespace) -> Comparison:
    """The comparison that a command line asks for."""
    work_dir = pathlib.Path(options.work_dir)
    read = _Once(options.data_dir)
    path = base.base_network(options.model, work_dir, read)
    steps = base.steps_of_matrix()
    recipe = {**steps["finetune"], "steps": options.steps}
    counts = {"sample": steps["slice"]["images"], "recalibration": steps["recalibrate"]["images"]}
    settings = {"data_dir": str(options.data_dir), "counts": counts, "recipe": recipe}
    images = inputs.stored(
        work_dir / "inputs.npz",
        settings,
        lambda: inputs.draw(read(), counts, recipe, base.SEED),
    )
    return Comparison(
        work_dir,
        path,
        images,
        {"network": base.fingerprint(path), "images": images.fingerprint, "counts": counts},
        recipe,
        BUDGETS,
        options.torch_python,
        options.repeats,
        options.runs,
        options.threads,
    )


def order(budgets: Iterable[float]) -> Iterator[tuple[str, Own | Peer, float]]:
    """Ours and theirs in turns, so that a run that is stopped has some of both."""
    for budget in budgets:
        for ours, theirs in itertools.zip_longest(OWN, PEERS):
            pairs = ((OURS, ours), (THEIRS, theirs))
            yield from ((tool, method, budget) for tool, method in pairs if method is not None)


def run_parts(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Runs one piece after the other and yields all results so far after each."""
    comparison = comparison_of(options)
    found: dict[str, Any] = {
        "environment": environment(),
        "packages": {name: importlib.metadata.version(name) for name in _TFMOT},
        "about": comparison.about,
        "recipe": comparison.recipe,
        "repeats": comparison.repeats,
        "dense": comparison.dense_row(),
        "rows": [],
        "large": {},
        "zeros": {},
    }
    yield found
    torch = comparison.torch()
    found["torch"] = {name: torch[name] for name in ("versions", "conversion", "piece_seconds")}
    for name in LARGE:
        found["large"][name] = comparison.large(name)
        yield found
    for tool, method, budget in order(comparison.budgets):
        row = comparison.own_row if tool == OURS else comparison.peer_row
        about = {"tool": tool, "method": method.name, "budget": budget}
        found["rows"].append({**about, **row(method, budget)})
        yield found
        if (tool, method) == (THEIRS, PEERS[0]):
            # In the middle of a budget, so that a run that is stopped has some of it too.
            zeros = comparison.zeros_row(OWN[0], budget)
            found["zeros"][f"{budget:g}"] = {**zeros, "files": comparison.files(OWN[0], budget)}
            yield found
