"""The reports of finished runs, read back."""

import json
import pathlib
from typing import Any

from ccm_tf.files import PathLike
from ccm_tf.reporting.content import FORMAT


def read_report(folder: PathLike) -> dict[str, Any]:
    """What the run in a folder reported.

    Args:
        folder: The output folder of a run.

    Raises:
        ValueError: If there is no such folder, it holds no run, the run is not finished, or its
            report is damaged or of another version; the message says how to go on.
    """
    place = pathlib.Path(folder)
    if not place.is_dir():
        kind = "is a file" if place.exists() else "does not exist"
        raise ValueError(f"'{folder}' {kind}. Expected the output folder of a finished run.")
    file = place / "report.json"
    if not file.is_file():
        if (place / "run.json").is_file():
            raise ValueError(
                f"The run in '{folder}' is not finished: it has no report.json. Give the command "
                "that started it again, which goes on where it stopped."
            )
        raise ValueError(
            f"'{folder}' holds no run: neither run.json nor report.json is there. Expected the "
            "output folder of a finished run."
        )
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"'{file}' is damaged: {error}. Delete it, and the command of the run writes it anew."
        ) from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError(
            f"'{file}' is not a report of the format '{FORMAT}'. If another version wrote it, "
            "delete it, and the command of the run writes it anew."
        )
    return values
