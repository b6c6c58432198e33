"""Runs cells one by one, each from the saved network of the cell before it."""

import logging
import pathlib
import time
from collections.abc import Callable
from typing import Any

import keras

import ccm_tf
from benchmarks.accuracy import measure
from benchmarks.accuracy.cells import Cell
from benchmarks.accuracy.deadline import Deadline, OutOfTime
from benchmarks.accuracy.environment import environment
from benchmarks.accuracy.kinds import STEPS
from benchmarks.accuracy.results import Results
from benchmarks.accuracy.steps import Context
from ccm_tf.files import atomic_path
from tasks.data import Dataset


class Runner:
    """Computes cells and writes one result line each.

    A cell's folder in the work folder is named after the hash of its settings and holds its
    checkpoint while it trains and its network afterwards.

    Args:
        work_dir: Folder for networks and checkpoints; made if missing.
        results: Where result lines go.
        load: Reads the data set of a cell from its settings, once.
        deadline: When to stop. Defaults to `None`: never.
    """

    def __init__(
        self,
        work_dir,
        results: Results,
        load: Callable[[dict[str, Any]], Dataset],
        deadline: Deadline | None = None,
    ):
        self.work_dir = pathlib.Path(work_dir)
        self.results = results
        self._load = load
        self._deadline = deadline or Deadline()
        self._datasets: dict[str, Dataset] = {}

    def run(self, cells: list[Cell]) -> list[Cell]:
        """Runs the cells that have no result yet.

        A cell that fails is logged and left out, with those that build on it.

        Returns:
            The cells that failed or could not be tried.

        Raises:
            OutOfTime: If the deadline came first.
        """
        failed: list[Cell] = []
        pending = [cell for cell in cells if cell.id not in self.results]
        for number, cell in enumerate(pending, 1):
            self.results.reload()
            if cell.id in self.results:
                continue
            if self._broken(cell, failed):
                failed.append(cell)
                continue
            if self._deadline.over():
                raise OutOfTime(f"{len(pending) - number + 1} cells are left.")
            logging.info("[%d/%d] %s (%s)", number, len(pending), cell.title, cell.id)
            try:
                self.network(cell, fresh=True)
            except OutOfTime:
                raise
            except Exception:
                logging.exception("Failed: %s", cell.title)
                failed.append(cell)
            keras.utils.clear_session()
        return failed

    def network(self, cell: Cell, fresh: bool = False) -> keras.Model:
        """The network of a cell, computed (with its result line) if it is not there."""
        path = self._folder(cell) / "model.keras"
        if path.exists() and not fresh:
            return keras.models.load_model(path, compile=False)
        parent = None if cell.parent is None else self.network(cell.parent)
        settings = dict(cell.steps[-1])
        dataset = self._dataset(cell.steps[0]["dataset"])
        context = Context(
            dataset,
            cell.steps[0]["seed"],
            self._folder(cell),
            teacher=lambda: self.network(cell.training),
            deadline=self._deadline,
        )
        start = time.perf_counter()
        model, record = STEPS[settings["step"]](parent, settings, context)
        record.setdefault("seconds", time.perf_counter() - start)
        with atomic_path(path) as temporary:
            model.save(temporary)
        self.results.add(_row(cell, model, record, dataset))
        return model

    def _folder(self, cell: Cell) -> pathlib.Path:
        folder = self.work_dir / cell.id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _dataset(self, settings: dict[str, Any]) -> Dataset:
        key = repr(sorted(settings.items()))
        if key not in self._datasets:
            self._datasets[key] = self._load(settings)
        return self._datasets[key]

    def _broken(self, cell: Cell, failed: list[Cell]) -> bool:
        ids = {other.id for other in failed}
        ancestor = cell.parent
        while ancestor is not None:
            if ancestor.id in ids:
                return True
            ancestor = ancestor.parent
        return False


def _row(cell: Cell, model: keras.Model, record: dict[str, Any], dataset: Dataset):
    size = ccm_tf.profile(model)
    return {
        "id": cell.id,
        **cell.labels,
        "test_accuracy": measure.accuracy(model, dataset.batches("test", 500)),
        "test_images": len(dataset.test),
        "params": int(size.params),
        "macs_count": int(size.macs),
        "record": record,
        "steps": list(cell.steps),
        "environment": environment(),
    }
