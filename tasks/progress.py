"""Progress bars on a terminal, single lines in a log file."""

import sys

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
