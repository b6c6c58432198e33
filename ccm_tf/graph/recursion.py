"""Room for Keras's recursion over the calls of deep models."""

import sys
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_MOST = 10**6


def with_deep_recursion(build: Callable[[], T]) -> T:
    """Calls `build`, under a higher recursion limit if Python's is too low for it.

    `keras.Model(inputs, outputs)` walks from the outputs to the inputs with one Python call per
    call of a layer, so a chain of about a thousand meets the default limit. Whoever built such a
    model raised the limit for a while; reading and copying it must not depend on that.

    Args:
        build: A function without arguments that may be called more than once.

    Returns:
        What `build` returns.

    Raises:
        RecursionError: If a million nested calls are not enough.
    """
    before = limit = sys.getrecursionlimit()
    try:
        while True:
            try:
                return build()
            except RecursionError:
                if limit >= _MOST:
                    raise
            limit = min(_MOST, 8 * limit)
            sys.setrecursionlimit(limit)
    finally:
        sys.setrecursionlimit(before)
