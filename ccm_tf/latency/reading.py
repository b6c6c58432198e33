"""Reading latency tables from disk."""

import json
import pathlib
from typing import Any

from ccm_tf.files import PathLike
from ccm_tf.latency.grid import Grid
from ccm_tf.latency.operators import KINDS, Operator

_FORMAT = "ccm_tf.LatencyTable/1"


def read_table(path: PathLike) -> dict[str, Any]:
    """The arguments of a `LatencyTable` from a file.

    Args:
        path: A file that `LatencyTable.save` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a latency table.
    """
    try:
        value = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        if value["format"] != _FORMAT:
            raise ValueError(f"its format is {value['format']!r}")
        return {
            "device": str(value["device"]),
            "threads": int(value["threads"]),
            "dtype": str(value["dtype"]),
            "steps": {kind: (int(a), int(b)) for kind, (a, b) in value["steps"].items()},
            "grids": dict(_entry(entry) for entry in value["operators"]),
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"'{path}' is not a latency table of the format '{_FORMAT}': {error}. Delete it, or "
            "pass another."
        ) from error


def _entry(entry: dict[str, Any]) -> tuple[Operator, Grid]:
    settings: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in entry["operator"].items()
    }
    operator = Operator(**settings)
    if operator.kind not in KINDS:
        raise ValueError(f"it holds an operator '{operator.kind}'")
    times = tuple(tuple(float(time) for time in row) for row in entry["milliseconds"])
    grid = Grid(tuple(entry["inputs"]), tuple(entry["outputs"]), times)
    if [len(times), *{len(row) for row in times}] != [len(grid.inputs), len(grid.outputs)]:
        raise ValueError(f"the times of {operator.name} are not one for each width")
    return operator, grid
