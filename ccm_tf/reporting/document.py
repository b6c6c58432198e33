"""A report: a page for people and a JSON file for programs."""

import pathlib
from collections.abc import Mapping
from typing import Any

from ccm_tf.files import PathLike, atomic_path, write_json
from ccm_tf.reporting.content import Content
from ccm_tf.reporting.page import page
from ccm_tf.reporting.table import table


class Report(Content):
    """What was won and what was paid: see `ccm_tf.report`. Printing it shows a table.

    Attributes:
        values: What the JSON file holds; `ccm_tf/reporting/report.schema.json` describes it.
        matrices: Channel correlations before and after.

    Example:

    ```python
    report = ccm_tf.report(model, plan, slim, data=images)
    print(report)
    report.save("report.html")
    ```
    """

    def __str__(self) -> str:
        return table(self.values)

    def html(self) -> str:
        """The page: one HTML file with everything in it, that needs no network."""
        return page(self)

    def save(self, path: PathLike) -> None:
        """Writes the page, and beside it its numbers as JSON; both or neither.

        Args:
            path: The page, for example `"out/report.html"`; the numbers go to `out/report.json`.

        Raises:
            ValueError: If the path does not end in `.html`.
            OSError: If the folder is not there or cannot be written to.
        """
        save_pair(path, self.html(), self.values)


def save_pair(path: PathLike, text: str, values: Mapping[str, Any]) -> None:
    """Writes a page, and beside it a JSON file of the same name; both or neither.

    Args:
        path: The page, a path that ends in `.html`.
        text: Its HTML.
        values: Content of the JSON file.

    Raises:
        ValueError: If the path does not end in `.html`.
        OSError: If the folder is not there or cannot be written to.
    """
    path = pathlib.Path(path)
    if path.suffix != ".html":
        raise ValueError(f"Expected a path that ends in '.html'. Received: '{path}'.")
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
        write_json(path.with_suffix(".json"), values)
