"""Several runs side by side, and which networks no other one beats."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from ccm_tf.reporting.content import criterion_of, stages

FORMAT = "ccm_tf.comparison/1"
_FIGURES = ("accuracy", "params", "macs", "bytes", "latency_ms")


def compared(reports: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """What the comparison of some runs says.

    Args:
        reports: Pairs of the folder of a run and the content of its report.json.

    Returns:
        Content of comparison.json; `comparison.schema.json` describes it.

    Raises:
        ValueError: If a report knows no accuracy.
    """
    names = _names([folder for folder, _ in reports])
    runs = [
        _run(name, folder, values) for name, (folder, values) in zip(names, reports, strict=True)
    ]
    points = [point for run in runs for point in run["points"]]
    best = pareto([(point["macs"], point["accuracy"]) for point in points])
    for point, on_front in zip(points, best, strict=True):
        point["best"] = on_front
    count = f"{len(runs)} runs" if len(runs) > 1 else "one run"
    return {
        "format": FORMAT,
        "title": f"Accuracy against MACs: {count}",
        "notes": _notes(runs),
        "runs": runs,
    }


def pareto(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Which of some networks no other one beats.

    Args:
        points: Pairs of a cost and an accuracy.

    Returns:
        Whether a point is best: none costs no more and is at least as accurate without being its
        equal in both.
    """
    return [
        not any(
            cost <= mine and value >= own and (cost, value) != (mine, own) for cost, value in points
        )
        for mine, own in points
    ]


def _run(name: str, folder: str, values: Mapping[str, Any]) -> dict[str, Any]:
    points = [
        {
            "stage": stage["name"],
            "title": stage["title"],
            **{key: stage[key] for key in _FIGURES if stage.get(key) is not None},
        }
        for stage in stages(values)
        if stage.get("accuracy") is not None and stage.get("macs")
    ]
    if not points:
        raise ValueError(
            f"The run in '{folder}' has no accuracies, as its images had no labels: it cannot be "
            "compared by them. Leave it out."
        )
    return {
        "name": name,
        "folder": folder,
        "title": values["title"],
        "method": values.get("method") or criterion_of(values) or "by hand",
        "target": values.get("plan", {}).get("target", {}),
        "images": values.get("run", {}).get("images", ""),
        "points": points,
    }


def _names(folders: Sequence[str]) -> list[str]:
    """The ends of some paths, long enough to tell them apart."""
    parts = [pathlib.PurePath(folder).parts for folder in folders]
    longest = max(map(len, parts))
    for length in range(1, longest + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return list(folders)


def _notes(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    images = {run["images"]: run["name"] for run in runs}
    if len(images) < 2:
        return []
    seen = "; ".join(f"{name}: {said or 'unknown'}" for said, name in images.items())
    return [f"These runs saw different images, so their accuracies do not compare. {seen}."]
