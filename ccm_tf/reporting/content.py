"""What the sections of a report are made from."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ccm_tf.reporting.correlations import Pair

FORMAT = "ccm_tf.report/1"


@dataclasses.dataclass(frozen=True)
class Content:
    """Everything that a page shows.

    Attributes:
        values: Content of report.json; `report.schema.json` describes it.
        matrices: Channel correlations before and after, too large for JSON.
    """

    values: Mapping[str, Any]
    matrices: Sequence[Pair] = ()


def with_stages(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The part of a report that holds its stages: each under its name, and their order.

    Args:
        rows: The stages, the dense network first.
    """
    return {"stages": [row["name"] for row in rows], **{row["name"]: row for row in rows}}


def stages(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stages of a report, from the dense network to what is shipped."""
    return [values[name] for name in values["stages"]]


def criterion_of(values: Mapping[str, Any]) -> str:
    """Name of the criterion that chose the channels; empty if none did."""
    return values.get("plan", {}).get("criterion", {}).get("name", "")
