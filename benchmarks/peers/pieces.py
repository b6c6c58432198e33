"""Parts of a long measurement, each kept as soon as it is done."""

import json
import logging
import pathlib
import time
from collections.abc import Callable
from typing import Any

from ccm_tf.files import write_json


class Pieces:
    """Results by name, in one JSON file each.

    Args:
        folder: Where the files lie; made if missing.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.seconds: dict[str, float] = {}

    def get(self, name: str, settings: Any, compute: Callable[[], Any]) -> Any:
        """The stored result if it was made with the same settings, and else a new one.

        Args:
            name: Name of the file without its suffix.
            settings: What the result depends on, as JSON has it.
            compute: Makes the result.

        Returns:
            The result as JSON has it.
        """
        path = self.folder / f"{name}.json"
        settings = json.loads(json.dumps(settings))
        stored = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        if stored.get("settings") != settings:
            logging.info("%s", name)
            start = time.perf_counter()
            result = compute()
            seconds = time.perf_counter() - start
            write_json(path, {"settings": settings, "seconds": seconds, "result": result})
            stored = json.loads(path.read_text(encoding="utf-8"))
        self.seconds[name] = stored["seconds"]
        return stored["result"]
