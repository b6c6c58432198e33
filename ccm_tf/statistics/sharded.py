"""Data of which several workers look at a share each."""

from collections.abc import Callable
from typing import Any

# Every batch belongs to one of so many lanes, and every lane to one worker. Lanes are summed one
# by one and merged in their order, so sums do not depend on who had which lane.
LANES = 8


def _alone(payload: bytes) -> list[bytes]:
    return [payload]


class Sharded:
    """Data whose statistics several workers gather together.

    Pass it as `data` to a criterion, `ccm_tf.plan`, `ccm_tf.kfe.plan`, `ccm_tf.rewrite` or
    `ccm_tf.recalibrate`, on every worker with its own `index`. What can be summed over batches is:
    each worker takes its share of the batches, and all get the sum. Batch n belongs to lane n mod 8
    and lane l to worker l mod `shards`; a lane's batches are summed in order, and the lanes in
    theirs, in float64. So the sums are the same to the last bit however many workers there are, on
    machines that compute batches alike; a ninth worker has nothing to do. What cannot be summed is
    computed from all of the data by every worker.

    Args:
        source: Anything that `ccm_tf.statistics.batches.batches` takes and that can be read
            again. Arrays and `keras.utils.PyDataset`s are read in parts; of a `tf.data.Dataset` or
            an iterable every worker reads all batches and uses its own.
        index: Which worker this is. Defaults to 0.
        shards: Of how many. Defaults to 1.
        gather: Takes bytes and returns those of all workers in their order; all workers call it
            alike. Defaults to that of a worker alone.

    Raises:
        ValueError: If `index` is not one of the shards, or workers have no way to exchange.

    Example:

    ```python
    strategy = ccm_tf.distribute.start("multi_worker")
    plan = ccm_tf.plan(model, "pca", strategy.shard(images), macs=0.5)
    ```
    """

    def __init__(
        self,
        source: Any,
        index: int = 0,
        shards: int = 1,
        gather: Callable[[bytes], list[bytes]] = _alone,
    ):
        if not 0 <= index < shards:
            raise ValueError(
                f"Expected 0 <= index < shards. Received: index={index}, shards={shards}."
            )
        if shards > 1 and gather is _alone:
            raise ValueError(
                "Several shards need a `gather` that brings together what their workers found, "
                "such as that of `ccm_tf.distribute.start('multi_worker')`."
            )
        self.source = source
        self.index = index
        self.shards = shards
        self.gather = gather

    def share(self) -> "Share":
        """This worker's batches, for one pass."""
        return Share(self.source, self.index, self.shards)


class Share:
    """One worker's batches of some data, in one pass over it.

    Args:
        source: The data.
        index: Which worker.
        shards: Of how many.

    Attributes:
        taken: Numbers of the batches that were read, in order.
    """

    def __init__(self, source: Any, index: int, shards: int):
        self.source = source
        self.index = index
        self.shards = shards
        self.taken: list[int] = []

    def limit(self, batches: int | None) -> None:
        """Leaves workers without batches where there are too few for all.

        The last batch may be smaller than the others. It is filled up to the size of those before
        it, so whoever gets it must have had one.

        Args:
            batches: Number of batches, `None` if unknown.
        """
        if batches is not None:
            self.shards = min(self.shards, max(1, batches - 1))

    def owns(self, number: int) -> bool:
        """Whether a batch is this worker's."""
        return number % LANES % self.shards == self.index

    def take(self, number: int) -> None:
        """Notes that a batch is about to be handed out."""
        self.taken.append(number)

    @property
    def passed_over(self) -> int:
        """Batches of others between the last two that were handed out, or before the first."""
        if not self.taken:
            return 0
        return self.taken[-1] - (self.taken[-2] if len(self.taken) > 1 else -1) - 1
