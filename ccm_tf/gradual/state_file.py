"""What a pruning remembers besides the weights of its model, in a file of its own."""

import json
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from ccm_tf.files import PathLike, atomic_path

# Checkpoint and file are written one after the other: a kill may fall between them.
_GENERATIONS = 2


class StateFile:
    """Keeps arrays for the last epochs, each under the number of steps done by then.

    Whatever restores a model restores its optimizer's count of steps, and so finds what belongs
    to it. The file is either whole or as it was before.

    Args:
        path: An `.npz` file; its folder must exist.

    Raises:
        ValueError: If the path has another ending, or the file is not one of these.
    """

    def __init__(self, path: PathLike):
        self.path = pathlib.Path(path)
        if self.path.suffix != ".npz":
            raise ValueError(f"`state` must be an '.npz' file. Received: state={str(path)!r}.")
        self._generations: dict[int, dict[str, np.ndarray]] = {}
        if self.path.exists():
            self._generations = self._load()

    @property
    def steps(self) -> list[int]:
        """The steps for which there is something."""
        return sorted(self._generations)

    def read(self, step: int) -> dict[str, np.ndarray] | None:
        """What was written in a step; `None` if nothing was."""
        return self._generations.get(step)

    def write(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Writes the arrays of a step, and keeps those of the one before."""
        older = [other for other in self.steps if other < step][1 - _GENERATIONS :]
        self._generations = {other: self._generations[other] for other in older}
        self._generations[step] = {name: np.array(array) for name, array in arrays.items()}
        names = {str(number): list(found) for number, found in self._generations.items()}
        flat: dict[str, Any] = {
            f"{number}.{place}": array
            for number, found in self._generations.items()
            for place, array in enumerate(found.values())
        }
        with atomic_path(self.path) as temporary:
            np.savez(temporary, names=np.array(json.dumps(names)), **flat)

    def _load(self) -> dict[int, dict[str, np.ndarray]]:
        try:
            with np.load(self.path, allow_pickle=False) as saved:
                names = json.loads(str(saved["names"]))
                return {
                    int(number): {
                        name: saved[f"{number}.{place}"] for place, name in enumerate(found)
                    }
                    for number, found in names.items()
                }
        except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"'{self.path}' is no file that a pruning wrote. Give `state` another path, or "
                "remove the file."
            ) from error
