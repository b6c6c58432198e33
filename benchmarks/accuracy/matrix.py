"""The declared matrix as a list of cells, in the order in which they should run."""

import dataclasses
import itertools
import pathlib
import tomllib
from collections.abc import Callable
from typing import Any, TypeAlias

from benchmarks.accuracy.cells import DENSE, Cell, stage_of

PATH = pathlib.Path(__file__).with_name("matrix.toml")
# What turns a matrix as it was read into another one.
Change: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
_LISTS = ("networks", "recipes", "seeds", "trainings", "criteria", "macs", "stages")


@dataclasses.dataclass
class Table:
    """Cells that the report shows together.

    Attributes:
        title: Its title: an experiment's `table`, or its name.
        ids: Which pruned cells, by hash.
        alternatives: Stages that are ways to the same end and are compared with each other;
            without any, every stage is looked at by itself.
    """

    title: str
    ids: set[str] = dataclasses.field(default_factory=set)
    alternatives: tuple[str, ...] = ()


def load_tables(path=PATH, change: Change | None = None) -> list[Table]:
    """The tables of the report, in the order of the experiments that they show.

    Args:
        path: As for `load_cells`.
        change: As for `load_cells`.

    Raises:
        ValueError: As for `load_cells`.
    """
    matrix = _read(path, change)
    tables: dict[str, Table] = {}
    for experiment in matrix.get("experiments", []):
        title = experiment.get("table", experiment["name"])
        table = tables.setdefault(title, Table(title))
        named = (*table.alternatives, *experiment.get("alternatives", ()))
        table.alternatives = tuple(dict.fromkeys(named))
        for seed in experiment["seeds"]:
            cells = _expand(experiment, seed, matrix)
            table.ids |= {cell.id for cell in cells if cell.labels["stage"] != DENSE}
    return list(tables.values())


def load_cells(path=PATH, change: Change | None = None) -> list[Cell]:
    """Reads a matrix.

    Args:
        path: A TOML file in the form of `matrix.toml`. Defaults to that file.
        change: What to make of it, see `benchmarks.accuracy.shorter`. Defaults to `None`: nothing.

    Returns:
        Its cells, each once, every one after those it builds on. Seeds change last, so that one
        seed of everything comes before the second seed of anything.

    Raises:
        ValueError: If an experiment names an entry that is not there.
    """
    matrix = _read(path, change)
    experiments = matrix.get("experiments", [])
    cells: dict[str, Cell] = {}
    chosen = [(seed, e) for e in experiments for seed in e["seeds"]]
    for seed, experiment in sorted(chosen, key=lambda pair: pair[0]):
        for cell in _expand(experiment, seed, matrix):
            cells.setdefault(cell.id, cell)
    return list(cells.values())


def _read(path, change: Change | None) -> dict[str, Any]:
    with open(path, "rb") as file:
        matrix = tomllib.load(file)
    for experiment in matrix.get("experiments", []):
        _check(experiment, matrix)
    return matrix if change is None else change(matrix)


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
    strangers = set(experiment.get("alternatives", ())) - set(experiment["stages"])
    if strangers:
        raise ValueError(
            f"Experiment '{name}' names alternatives that are none of its stages: "
            f"{', '.join(sorted(strangers))}. Its stages: {', '.join(experiment['stages'])}."
        )
    for stage in experiment["stages"]:
        chain = [{"step": "train"}, *({"step": kind} for kind in matrix["stages"][stage])]
        if stage_of(chain) != stage:
            raise ValueError(
                f"The stage '{stage}' must be called '{stage_of(chain)}', after its steps."
            )
