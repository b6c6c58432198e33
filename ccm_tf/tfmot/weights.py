"""Carrying weights over, and seeing that the result computes the same."""

from collections.abc import Callable
from typing import Any

import numpy as np

_TOLERANCE = 1e-4


def carry_over(name: str, sources: list, targets: list) -> None:
    """Assigns the values of one layer's weights to those of its twin.

    By name where names are unique, by order otherwise.

    Args:
        name: Name of the layer, for messages.
        sources: Variables of either Keras.
        targets: Variables of the other.

    Raises:
        ValueError: If the layers do not have the same weights.
    """
    have, want = [_short(v) for v in sources], [_short(v) for v in targets]
    if len(set(have)) == len(have) and set(have) <= set(want):
        by_name = dict(zip(have, sources, strict=True))
        pairs = [(by_name[n], t) for n, t in zip(want, targets, strict=True) if n in by_name]
    elif len(have) == len(want):
        pairs = list(zip(sources, targets, strict=True))
    else:
        raise ValueError(
            f"Layer '{name}' has the weights {have} in one Keras and {want} in the other."
        )
    for source, target in pairs:
        value = np.asarray(source)
        if value.shape != tuple(target.shape):
            raise ValueError(
                f"Weight '{_short(source)}' of layer '{name}' has shape {value.shape} in one Keras "
                f"and {tuple(target.shape)} in the other."
            )
        target.assign(value)


def _short(variable: Any) -> str:
    return variable.name.split("/")[-1].split(":")[0]


def check_same(inputs: list, first: Callable, second: Callable) -> None:
    """Raises a `RuntimeError` unless two models answer random inputs alike.

    Args:
        inputs: Pairs of a shape (with `None`s) and a dtype.
        first: Function from a list of arrays to a list of arrays.
        second: Another.
    """
    rng = np.random.default_rng(0)
    arrays = []
    for shape, dtype in inputs:
        known = [size or 8 for size in shape[1:]]
        whole = np.dtype(dtype).kind in "iu"
        value = np.zeros((2, *known)) if whole else rng.normal(size=(2, *known))
        arrays.append(value.astype(dtype))
    for ours, theirs in zip(first(arrays), second(arrays), strict=True):
        scale = max(1.0, float(np.abs(ours).max()))
        worst = float(np.abs(np.asarray(ours, "float64") - np.asarray(theirs, "float64")).max())
        if not worst <= _TOLERANCE * scale:
            raise RuntimeError(
                f"The two models differ by {worst:.3g} on random inputs. A layer means something "
                "else in the other Keras; convert parts of the model to find it, and report it."
            )
