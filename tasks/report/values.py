"""What the reports of all programs have in common."""

import json
from collections.abc import Sequence
from typing import Any

from ccm_tf.reporting.content import FORMAT, with_stages
from ccm_tf.reporting.table import table
from tasks.job import Job


def run_values(
    job: Job, stages: Sequence[dict[str, Any]], how: dict[str, str], trainings: Sequence[str]
) -> dict[str, Any]:
    """The part of report.json that says what was run and what was measured.

    Args:
        job: The run.
        stages: The stages, the dense network first.
        how: How they were measured, by figure.
        trainings: Names of the networks that were trained, in order.
    """
    return {
        "format": FORMAT,
        "title": job.settings.title,
        "story": job.settings.story,
        "credits": job.settings.credits,
        **with_stages(stages),
        "how": how,
        "run": job.read_json("run.json"),
        "history": {name: history(job, name) for name in trainings},
    }


def history(job: Job, name: str) -> list[dict[str, Any]]:
    """Records of every epoch of a training; empty if there was none."""
    path = job.path(f"{name}_history.json")
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def rounds(job: Job) -> list[dict[str, Any]]:
    """Rounds of an iteration, where a run has pruned in rounds; empty otherwise."""
    # Not the histories of their trainings, which lie beside them.
    files = sorted(job.path("rounds").glob("round-[0-9][0-9].json"))
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return [
        {"round": row["number"], **{key: row[key] for key in ("score", "params", "macs")}}
        for row in found
    ]


def show(job: Job) -> None:
    """Prints the table and where the page is."""
    values = job.read_json("report.json")
    if values.get("format") != FORMAT:
        print(
            f"'{job.path('report.json')}' was written by another version. Delete it, and the same "
            "command writes it anew."
        )
        return
    print(table(values))
    print(f"Report: {job.path('report.html')}")
