"""Progress bars on a terminal, single lines in a log file."""

import sys
from typing import Any

import keras


def interactive() -> bool:
    """Whether somebody watches: a bar that redraws itself only clutters a log file."""
    return sys.stdout.isatty()


def bar(total: int, task: str, unit: str = "step") -> keras.utils.Progbar:
    """A progress bar under a line that names the task.

    Args:
        total: Number of units until the end.
        task: What is going on, printed first.
        unit: Name of one unit. Defaults to "step".

    Returns:
        A `keras.utils.Progbar`; call `update(done)`. In a log file it prints once, at the end.
    """
    print(task, flush=True)
    return keras.utils.Progbar(total, verbose=1 if interactive() else 2, unit_name=unit)


def watched(batches: keras.utils.PyDataset, task: str, workers: int = 1) -> Any:
    """The same batches, with a progress bar each time that they are gone through.

    Args:
        batches: A `keras.utils.PyDataset`.
        task: What is going on, printed first.
        workers: How many share the batches. Several get them without a bar, so that each reads its
            own alone. Defaults to 1.
    """
    return Watched(batches, task) if workers == 1 else batches


class Watched:
    """Batches under a progress bar: iterable any number of times, with a length."""

    def __init__(self, batches: keras.utils.PyDataset, task: str):
        self._batches = batches
        self._task = task

    def __len__(self):
        return len(self._batches)

    def __iter__(self):
        shown = bar(len(self), self._task, unit="batch")
        for index in range(len(self)):
            yield self._batches[index]
            shown.update(index + 1)
