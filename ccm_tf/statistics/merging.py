"""Sums of any structure: adding two, and taking out and putting back what they hold.

A sum is an object with `merge(other)`, `state()` and `restore(state)`, a number, an array, `None`,
or a dict, list or tuple of sums. Anything else (a `View`, a name) is taken for a label that is the
same in all sums of a kind, and left alone.
"""

from typing import Any

import numpy as np

_NUMBERS = (bool, int, float, np.number, np.ndarray)


def merge(one: Any, other: Any) -> Any:
    """The sum of two sums; the first may be changed in place.

    Raises:
        ValueError: If they are not of the same kind.
    """
    if hasattr(one, "merge"):
        return one.merge(other)
    if isinstance(one, dict) and isinstance(other, dict):
        for key, value in other.items():
            one[key] = merge(one[key], value) if key in one else value
        return one
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        _check_lengths(one, other)
        merged = [merge(a, b) for a, b in zip(one, other, strict=True)]
        return merged if isinstance(one, list) else tuple(merged)
    if isinstance(one, _NUMBERS) and isinstance(other, _NUMBERS):
        return one + other
    return one


def state_of(value: Any) -> Any:
    """What a sum holds, as dicts, lists, numbers and arrays; labels become `None`."""
    if hasattr(value, "state"):
        return state_of(value.state())
    if isinstance(value, dict):
        return {key: state_of(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [state_of(one) for one in value]
    return value if isinstance(value, _NUMBERS) else None


def absorb(empty: Any, state: Any) -> Any:
    """A sum that holds what `state_of` took out of another of its kind.

    Args:
        empty: An empty sum, which may be changed in place.
        state: What to put in.
    """
    if hasattr(empty, "restore"):
        empty.restore(state)
        return empty
    if isinstance(empty, dict) and isinstance(state, dict):
        for key, one in state.items():
            empty[key] = absorb(empty.get(key), one)
        return empty
    if isinstance(empty, (list, tuple)) and isinstance(state, list):
        _check_lengths(empty, state)
        filled = [absorb(a, b) for a, b in zip(empty, state, strict=True)]
        return filled if isinstance(empty, list) else tuple(filled)
    return empty if state is None else state


def _check_lengths(one: Any, other: Any) -> None:
    if len(one) != len(other):
        raise ValueError(
            f"Sums of {len(one)} and of {len(other)} parts cannot be merged: they come from "
            "different models or criteria. Start all workers with the same ones."
        )
