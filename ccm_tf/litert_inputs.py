"""Bringing a user's arrays into the names, shapes and dtypes of a LiteRT file's inputs."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

Inputs = np.ndarray | Mapping[str, np.ndarray]


def by_name(inputs: Inputs, names: Collection[str]) -> dict[str, Any]:
    """Inputs as a dict.

    Lists are refused: a converter is free to change the order of the inputs, and a list in the
    Keras model's order would be taken for another without an error.

    Args:
        inputs: An array if there is one input, or a dict by name.
        names: The names of the file's inputs.

    Returns:
        One value per name.

    Raises:
        ValueError: If `inputs` is something else.
    """
    values: dict[str, Any] = {}
    if isinstance(inputs, Mapping):
        values = dict(inputs)
    elif len(names) == 1 and not isinstance(inputs, (list, tuple)):
        values = dict.fromkeys(names, inputs)
    if set(values) != set(names):
        received = sorted(values) if isinstance(inputs, Mapping) else type(inputs).__name__
        raise ValueError(
            f"The LiteRT file has the inputs {sorted(names)}. Expected a dict with these keys"
            f"{' or one array' * (len(names) == 1)}. Received: {received}."
        )
    return values


def fitted(value: Any, name: str, detail: Mapping[str, Any]) -> np.ndarray:
    """A value as an array of the dtype that an input has.

    Args:
        value: Anything that NumPy makes an array of. Integers become floats where the file wants
            floats, never the other way round.
        name: The input's name.
        detail: The interpreter's description of it: `shape_signature` (-1 for any size), `dtype`.

    Returns:
        The array.

    Raises:
        ValueError: If its shape or its kind of number differs.
    """
    array = np.asarray(value)
    expected = [None if size < 0 else int(size) for size in detail["shape_signature"]]
    if len(array.shape) != len(expected) or any(
        want not in (None, size) for want, size in zip(expected, array.shape, strict=True)
    ):
        raise ValueError(
            f"Input '{name}' of the LiteRT file has shape {tuple(expected)}. Received an array of "
            f"shape {array.shape}."
        )
    if not np.can_cast(array.dtype, detail["dtype"], "same_kind"):
        raise ValueError(
            f"Input '{name}' of the LiteRT file is {np.dtype(detail['dtype'])}. Received an array "
            f"of {array.dtype}; convert it first, as rounding is your decision."
        )
    return array.astype(detail["dtype"])


def one_sample(name: str, detail: Mapping[str, Any]) -> np.ndarray:
    """A random sample for an input, always the same one.

    Args:
        name: The input's name.
        detail: The interpreter's description of it, see `fitted`.

    Returns:
        An array with a batch of one, or of the file's batch size.

    Raises:
        ValueError: If more than the batch size is open.
    """
    sizes = [int(size) for size in detail["shape_signature"]]
    if min(sizes[1:], default=1) < 0:
        raise ValueError(
            f"Input '{name}' of the LiteRT file has the open shape {tuple(sizes)}, so there is no "
            "one sample. Pass `inputs`."
        )
    sizes[:1] = [max(1, size) for size in sizes[:1]]
    if np.issubdtype(detail["dtype"], np.floating):
        return np.random.default_rng(0).standard_normal(sizes).astype(detail["dtype"])
    return np.ones(sizes, detail["dtype"])
