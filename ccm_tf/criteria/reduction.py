"""From scores of single channels to scores of units, comparable between layers."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ccm_tf.criteria.ranking import Ranking

# Far below any difference that matters, far above the resolution of a score near one.
_TIE = 1e-9

_SCALES: dict[str, Callable[[np.ndarray], float]] = {
    "mean": np.mean,
    "max": np.max,
    "none": lambda values: 1.0,
}
NORMALIZATIONS = tuple(_SCALES)
REDUCTIONS = ("mean", "sum", "max")


def check_option(name: str, value: str, options: Sequence[str]) -> str:
    """The value, or a `ValueError` that lists the options."""
    if value not in options:
        raise ValueError(
            f"Invalid value for argument `{name}`. Expected one of {tuple(options)}. "
            f"Received: {name}={value!r}"
        )
    return value


def normalized(values: np.ndarray, how: str) -> np.ndarray:
    """Scores of a layer's channels, divided by their mean or maximum; zeros stay zeros.

    Args:
        values: Scores >= 0 of all channels of one layer.
        how: `"mean"`, `"max"` or `"none"`.
    """
    scale = float(_SCALES[how](values)) if len(values) else 0.0
    return values / scale if scale > 0 else values


def reduced(
    roots: np.ndarray, parts: Iterable[tuple[np.ndarray, np.ndarray]], how: str
) -> np.ndarray:
    """One score per unit from the scores of all the channels that live and die with it.

    Args:
        roots: The units, each once.
        parts: Pairs of the roots of some channels and their scores. Roots may repeat; others than
            the units' are ignored.
        how: `"mean"`, `"sum"` or `"max"` over all channels of a unit.

    Returns:
        A score per unit; NaN for a unit that is in no part.
    """
    totals, counts = np.zeros(len(roots)), np.zeros(len(roots))
    add = np.maximum if how == "max" else np.add
    for channel_roots, scores in parts:
        units, found = places(roots, channel_roots)
        add.at(totals, units, scores[found])
        np.add.at(counts, units, 1)
    totals = np.where(counts > 0, totals, np.nan)
    return totals / np.maximum(counts, 1) if how == "mean" else totals


def places(roots: np.ndarray, channel_roots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which unit each channel is: indices into `roots`, and the channels that are any."""
    by_root = np.argsort(roots)
    units = by_root[
        np.minimum(np.searchsorted(roots, channel_roots, sorter=by_root), len(roots) - 1)
    ]
    found = roots[units] == channel_roots
    return units[found], found


def ranked(roots: np.ndarray, scores: np.ndarray, ties: np.ndarray | None = None) -> Ranking:
    """Largest score first; the global threshold is on the score itself.

    Args:
        roots: The units.
        scores: A score >= 0 for each.
        ties: Numbers that order units of equal scores, larger first. Without them, or where they
            are equal too, units stay in the order of `roots` and share one level.
    """
    if ties is None:
        order = np.argsort(-scores, kind="stable")
        return Ranking(roots[order], scores[order], level=-scores[order])
    order = np.lexsort((-ties, -scores))
    share = ties / ties.max() if ties.max() > 0 else ties
    level = -scores - _TIE * share
    return Ranking(roots[order], scores[order], level=np.maximum.accumulate(level[order]))
