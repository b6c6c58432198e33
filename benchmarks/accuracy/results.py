"""Results as JSON lines, one per cell."""

import json
import pathlib
from typing import Any

from ccm_tf.files import atomic_path


class Results:
    """The results of a file, by cell; a line that is written again replaces the older one.

    Args:
        path: A file of JSON lines. It need not exist yet.

    Raises:
        ValueError: If a line is not a result.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self._rows: dict[str, dict[str, Any]] = {}
        self.reload()

    def reload(self) -> None:
        """Reads the file again, so that what another process wrote is there too."""
        if not self.path.exists():
            return
        for number, line in enumerate(self.path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                self._rows[row["id"]] = row
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(
                    f"Line {number} of {self.path} is not a result. Remove it; its cell then runs "
                    f"again. ({error})"
                ) from error

    def __contains__(self, cell_id: str) -> bool:
        return cell_id in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, cell_id: str) -> dict[str, Any] | None:
        return self._rows.get(cell_id)

    def add(self, row: dict[str, Any]) -> None:
        """Adds one result and writes the file, whole or not at all."""
        self.reload()
        self._rows[row["id"]] = row
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(r, sort_keys=True, allow_nan=False) for r in self._rows.values()]
        with atomic_path(self.path) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
