"""The declared matrix as a list of cells, in the order in which they should run."""

import itertools
import pathlib
import tomllib
from typing import Any

from benchmarks.accuracy.cells import DENSE, Cell, stage_of

PATH = pathlib.Path(__file__).with_name("matrix.toml")
_LISTS = ("networks", "recipes", "seeds", "trainings", "criteria", "macs", "stages")


def load_cells(path=PATH) -> list[Cell]:
    """Reads a matrix.

    Args:
        path: A TOML file in the form of `matrix.toml`. Defaults to that file.

    Returns:
        Its cells, each once, every one after those it builds on. Seeds change last, so that one
        seed of everything comes before the second seed of anything.

    Raises:
        ValueError: If an experiment names an entry that is not there.
    """
    with open(path, "rb") as file:
        matrix = tomllib.load(file)
    experiments = matrix.get("experiments", [])
    for experiment in experiments:
        _check(experiment, matrix)
    cells: dict[str, Cell] = {}
    chosen = [(seed, e) for e in experiments for seed in e["seeds"]]
    for seed, experiment in sorted(chosen, key=lambda pair: pair[0]):
        for cell in _expand(experiment, seed, matrix):
            cells.setdefault(cell.id, cell)
    return list(cells.values())


def _expand(experiment: dict[str, Any], seed: int, matrix: dict[str, Any]):
    names = itertools.product(
        experiment["networks"], experiment["recipes"], experiment["trainings"]
    )
    for network, recipe, training in names:
        train = {
            "step": "train",
            "dataset": matrix["datasets"][experiment["dataset"]],
            "network": matrix["networks"][network],
            "recipe": matrix["recipes"][recipe],
            "loss": matrix["trainings"][training],
            "seed": seed,
        }
        labels = {
            "dataset": experiment["dataset"],
            "network": network,
            "recipe": recipe,
            "training": training,
            "seed": seed,
        }
        yield Cell({**labels, "criterion": None, "macs": None, "stage": DENSE}, (train,))
        yield from _pruned(experiment, matrix, labels, train)


def _pruned(experiment, matrix, labels, train):
    budgets = itertools.product(experiment["macs"], experiment["criteria"], experiment["stages"])
    for macs, criterion, stage in budgets:
        steps = [train]
        for kind in matrix["stages"][stage]:
            # Two settings of one kind of step have names of their own and say which kind it is.
            step = {"step": kind, **matrix["steps"].get(kind, {})}
            if len(steps) == 1:
                # The first step after the training is the one that removes channels.
                step.update(criterion=matrix.get("criteria", {}).get(criterion, criterion))
                step.update(macs=macs)
            steps.append(step)
        yield Cell({**labels, "criterion": criterion, "macs": macs, "stage": stage}, tuple(steps))


def _check(experiment: dict[str, Any], matrix: dict[str, Any]) -> None:
    name = experiment.get("name", "?")
    missing = [key for key in (*_LISTS, "dataset") if key not in experiment]
    if missing:
        raise ValueError(f"Experiment '{name}' lacks {', '.join(missing)}.")
    for table in ("datasets", "networks", "recipes", "trainings", "stages"):
        known = matrix.get(table, {})
        named = [experiment["dataset"]] if table == "datasets" else experiment[table]
        unknown = [entry for entry in named if entry not in known]
        if unknown:
            raise ValueError(
                f"Experiment '{name}' names {table} that are not declared: {', '.join(unknown)}. "
                f"Declared: {', '.join(known)}."
            )
    for stage in experiment["stages"]:
        chain = [{"step": "train"}, *({"step": kind} for kind in matrix["stages"][stage])]
        if stage_of(chain) != stage:
            raise ValueError(
                f"The stage '{stage}' must be called '{stage_of(chain)}', after its steps."
            )
