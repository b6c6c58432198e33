"""Structures of numbers and arrays as bytes, exactly, and back. Nothing is pickled."""

import io
import json
from typing import Any

import numpy as np

_ARRAY = "__array__"


def pack(value: Any) -> bytes:
    """Dicts with string keys, lists, numbers, strings, `None` and arrays as bytes.

    Args:
        value: The structure.

    Raises:
        TypeError: If it holds anything else.
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_without_arrays(value, arrays)).encode()
    stream = io.BytesIO()
    names = {f"a{number}": array for number, array in enumerate(arrays)}
    np.savez(stream, text=np.frombuffer(text, np.uint8), **names)  # type: ignore[arg-type]
    return stream.getvalue()


def unpack(payload: bytes) -> Any:
    """What `pack` was given; tuples have become lists."""
    with np.load(io.BytesIO(payload), allow_pickle=False) as file:
        return _with_arrays(json.loads(file["text"].tobytes()), file)


def _without_arrays(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, (np.ndarray, np.number)):
        # NumPy's numbers keep their type and every bit as arrays without axes.
        arrays.append(np.asarray(value))
        return {_ARRAY: len(arrays) - 1}
    if isinstance(value, dict):
        return {key: _without_arrays(one, arrays) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_arrays(one, arrays) for one in value]
    return value


def _with_arrays(value: Any, file: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            array = file[f"a{value[_ARRAY]}"]
            return array if array.ndim else array[()]
        return {key: _with_arrays(one, file) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_arrays(one, file) for one in value]
    return value
