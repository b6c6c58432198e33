"""Linear algebra on many small matrices, one core each."""

import concurrent.futures
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

try:
    import threadpoolctl
except ImportError:  # comes with scikit-learn; without it everything works, but slower
    threadpoolctl = None

_MOST_WORKERS = 8


def in_parallel(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """The results of `work` for each item, in their order.

    For matrices of up to a few hundred rows the threads of BLAS cost more than they give, ten times
    more when the machine has other work: it is held to one thread, and matrices are worked on side
    by side.

    Args:
        work: Takes an item; most of its time goes into numpy's linear algebra.
        items: What to work on.
    """
    if threadpoolctl is None or not items:
        return [work(item) for item in items]
    workers = min(os.cpu_count() or 1, _MOST_WORKERS, len(items))
    with (
        _blas().limit(limits=1, user_api="blas"),
        concurrent.futures.ThreadPoolExecutor(workers) as executor,
    ):
        return list(executor.map(work, items))


@functools.cache
def _blas():
    """Looking for the loaded libraries takes a while: once is enough."""
    return threadpoolctl.ThreadpoolController()
