"""Sums over batches: map over what each worker has, reduce over all of them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from ccm_tf.statistics.merging import absorb, merge, state_of
from ccm_tf.statistics.packing import pack, unpack
from ccm_tf.statistics.sharded import LANES, Sharded, Share

_Sum = TypeVar("_Sum")


def accumulated(
    data: Any,
    results: Callable[[Any], Iterable[Any]],
    start: Callable[[], _Sum],
    update: Callable[[_Sum, Any], Any],
) -> _Sum:
    """The sum of what a pass over data yields, over all workers if the data is `Sharded`.

    Args:
        data: The data, `Sharded` or not.
        results: `results(data)` goes over data and yields one result per batch, in order.
        start: Makes an empty sum: an object with `merge`, `state` and `restore` such as
            `Moments`, numbers, arrays, or dicts, lists and tuples of these.
        update: `update(sum, result)` adds one result in place.

    Returns:
        The sum, the same on all workers.

    Example:

    ```python
    moments = accumulated(data, feature_maps, lambda: Moments(64), Moments.update)
    ```
    """
    return summed(data, numbered(data, results), start, update)


def numbered(data: Any, results: Callable[[Any], Iterable[Any]]) -> Iterator[tuple[int, Any]]:
    """What a pass over data yields, each result with the number of its batch.

    Keep them to take several sums over one pass.

    Args:
        data: The data; of `Sharded` data this worker's share is gone over.
        results: As for `accumulated`.
    """
    share = data.share() if isinstance(data, Sharded) else data
    for place, result in enumerate(results(share)):
        yield share.taken[place] if isinstance(share, Share) else place, result


def summed(
    data: Any,
    results: Iterable[tuple[int, Any]],
    start: Callable[[], _Sum],
    update: Callable[[_Sum, Any], Any],
) -> _Sum:
    """The sum of numbered results, over all workers if the data that they are from is `Sharded`.

    Args:
        data: The data.
        results: From `numbered`, or made of what it yielded; all of this worker's, in order.
        start: As for `accumulated`.
        update: As for `accumulated`.

    Returns:
        The sum, the same on all workers.
    """
    if not isinstance(data, Sharded):
        total = start()
        for _, result in results:
            update(total, result)
        return total
    lanes: dict[int, _Sum] = {}
    for number, result in results:
        lane = number % LANES
        if lane not in lanes:
            lanes[lane] = start()
        update(lanes[lane], result)
    for payload in data.gather(pack([[lane, state_of(one)] for lane, one in lanes.items()])):
        for lane, state in unpack(payload):
            if lane not in lanes:
                lanes[lane] = absorb(start(), state)
    if not lanes:
        raise ValueError(f"The data holds no batch. Received: {type(data.source).__name__}.")
    first, *others = sorted(lanes)
    total = lanes[first]
    for lane in others:
        total = merge(total, lanes[lane])
    return total
