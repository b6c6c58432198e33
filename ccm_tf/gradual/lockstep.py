"""One decision for all workers that prune the same model while it trains."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np


class Lockstep:
    """Has several workers look at data together, and do what the chief decides.

    Args:
        strategy: A `ccm_tf.distribute.Strategy`; `None` for a process that works alone.
    """

    def __init__(self, strategy: Any = None):
        self._strategy = strategy
        self._several = strategy is not None and strategy.workers > 1

    def shared(self, data: Any) -> Any:
        """Data for a criterion, of which each worker reads its share."""
        return data if data is None or self._strategy is None else self._strategy.shard(data)

    def decided(self, decide: Callable[[], np.ndarray]) -> np.ndarray:
        """What a function returns on the chief, on all workers.

        Args:
            decide: Called on the chief alone; returns a boolean array.

        Raises:
            ValueError: On all workers, if the function raises one.
        """
        if not self._several:
            return decide()
        said = b""
        if self._strategy.chief:
            try:
                said = b"1" + np.asarray(decide(), bool).tobytes()
            except ValueError as error:
                said = b"0" + str(error).encode()
        said = self._strategy.broadcast(said)
        if said[:1] == b"0":
            raise ValueError(said[1:].decode())
        return np.frombuffer(said[1:], bool).copy()

    def check(self, arrays: Iterable[np.ndarray]) -> None:
        """Raises a `RuntimeError`, on all workers, unless arrays are the same on all of them."""
        if not self._several:
            return
        digest = hashlib.sha256()
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        found = self._strategy.gather(digest.digest())
        others = [str(index) for index, one in enumerate(found) if one != found[0]]
        if others:
            raise RuntimeError(
                f"Worker(s) {', '.join(others)} mask other channels than the chief. Start all "
                "workers with the same code, data and versions."
            )
