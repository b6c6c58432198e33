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


def final(values: Mapping[str, Any]) -> dict[str, Any]:
    """The last stage of a report: what is shipped."""
    return values["stages"][-1]


def by_name(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Name of a stage to the stage."""
    return {stage["name"]: stage for stage in values["stages"]}


def criterion_of(values: Mapping[str, Any]) -> str:
    """Name of the criterion that chose the channels; empty if none did."""
    return values.get("plan", {}).get("criterion", {}).get("name", "")
