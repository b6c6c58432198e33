"""Seconds of something done a few times."""

import statistics
import time
from collections.abc import Callable
from typing import Any


def timed(
    work: Callable[..., Any],
    prepare: Callable[[], Any] | None = None,
    repeats: int = 5,
    limit: float = 10.0,
) -> tuple[Any, dict[str, float]]:
    """Does something a few times and takes the medians.

    Args:
        work: What to do; gets what `prepare` returns, if there is one.
        prepare: Called before each time, unmeasured. Defaults to `None`.
        repeats: How many times at most. Defaults to 5.
        limit: No further time once so many processor seconds are spent. Defaults to 10.

    Returns:
        The last result, and `seconds` by the clock, `processor_seconds` (of all threads; other
        programs that keep the processor busy hardly change them) and `repeats`.
    """
    walls, processors = [], []
    while not walls or (len(walls) < repeats and sum(processors) < limit):
        given = () if prepare is None else (prepare(),)
        wall, processor = time.perf_counter(), time.process_time()
        result = work(*given)
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return result, {
        "seconds": statistics.median(walls),
        "processor_seconds": statistics.median(processors),
        "repeats": len(walls),
    }
