"""The stages of a report: a model at some point on its way, and its figures."""

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from ccm_tf.profile import Profile
from ccm_tf.reporting.table import COLUMNS

TITLES = {
    "dense": "dense",
    "pruned": "pruned",
    "finetuned": "fine-tuned",
    "tflite": "LiteRT file",
    "float16": "float16 file",
    "dynamic": "file with 8-bit weights",
    "int8": "int8 file",
    "int16x8": "int16x8 file",
    "masked": "trained, masked",
}
# Stages whose weights are stored as the model's own.
_IN_KERAS = ("dense", "pruned", "finetuned")

# What stands beside the stages in a report; `report.schema.json` has them as properties.
KEYS = frozenset(
    "format title story credits stages how sliced plan method protocol layers network groups "
    "correlations directions rounds history run".split()
)

# What a figure has to be: in words, and as a function.
_WANTED = {
    "accuracy": ("a share from 0 to 1", lambda value: 0 <= value <= 1),
    "figure": ("a number above 0", lambda value: value > 0),
    "further": ("a finite number", lambda value: True),
}

Figures = dict[str, Any]


def stage(name: str, **figures: Any) -> Figures:
    """One stage as report.json holds it.

    Args:
        name: Its name.
        **figures: What is known of it, among it the keys of `COLUMNS`.
    """
    return {"name": name, "title": TITLES.get(name, name), **figures}


def counted(profile: Profile) -> Figures:
    """The figures that a profile gives."""
    return {"params": profile.params, "macs": profile.macs, "bytes": profile.bytes}


def given_figures(evaluations: Mapping[str, Any]) -> dict[str, Figures]:
    """Checks what a user measured.

    Args:
        evaluations: Name of a stage to its accuracy, or to a dict of figures.

    Returns:
        Name of a stage to its figures.

    Raises:
        ValueError: If something is no number, an accuracy no share, nothing is known of a stage
            that a report shows, or a report holds something else of its name.
    """
    found = {}
    for name, given in evaluations.items():
        if name in KEYS:
            raise ValueError(
                f"No stage can be called '{name}': a report holds something else of that name. "
                f"Names to avoid: {', '.join(sorted(KEYS))}."
            )
        figures = dict(given) if isinstance(given, Mapping) else {"accuracy": given}
        if not figures.keys() & COLUMNS.keys():
            raise ValueError(
                f"The evaluation of stage '{name}' holds none of {', '.join(COLUMNS)}. "
                f"Received: {given!r}."
            )
        found[name] = {key: _number(name, key, value) for key, value in figures.items()}
    return found


def stages_of(
    before: Profile, after: Profile, given: Mapping[str, Figures]
) -> tuple[list[Figures], dict[str, str]]:
    """The stages that a library user's report shows, and how their figures came about.

    Args:
        before: Profile of the dense model.
        after: Profile of the slim model.
        given: What `given_figures` returned.

    Returns:
        The stages, the dense one first, and a sentence per column.
    """
    names = ["dense", *(name for name in given if name != "dense")]
    if len(names) == 1:
        names.append("pruned")
    stages = []
    for name in names:
        figures = counted(before if name == "dense" else after)
        if name not in _IN_KERAS:
            # Other files hold their weights in other ways: only who measured them knows.
            figures["bytes"] = None
        stages.append(stage(name, **{**figures, **given.get(name, {})}))
    measured = {key for figures in given.values() for key in figures}
    how = {key: "as given" for key in COLUMNS if key in measured}
    how["bytes"] = "of the weights, where no other was given" if "bytes" in measured else "weights"
    return stages, how


def _number(stage: str, key: str, value: Any) -> Any:
    if value is None or (isinstance(value, str) and key not in COLUMNS):
        return value
    finite = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    wanted, fits = _WANTED[key if key == "accuracy" else "figure" if key in COLUMNS else "further"]
    if not (finite and fits(value)):
        raise ValueError(f"'{key}' of stage '{stage}' must be {wanted}. Received: {value!r}.")
    return int(value) if isinstance(value, Integral) else float(value)
