"""What every strategy offers, and the one that does nothing."""

import contextlib
from typing import Any

import keras

from ccm_tf.statistics.sharded import Sharded


class Strategy:
    """How one program trains on several devices or machines; this one: on one.

    Attributes:
        name: Its name in `ccm_tf.distribute.start`.
        replicas: Copies of the model that train in step.
        workers: Processes that work together.
        index: Which of them this is; 0 is the chief.
        native: The `tf.distribute.Strategy` or `keras.distribution` object behind it, if any.
    """

    name = "none"

    def __init__(self, replicas: int = 1, workers: int = 1, index: int = 0, native: Any = None):
        self.replicas = replicas
        self.workers = workers
        self.index = index
        self.native = native

    @property
    def chief(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.index == 0

    @property
    def synchronises(self) -> bool:
        """Whether replicas see parts of a batch, so that what looks at batches has to be reduced.

        On JAX a program sees the global batch whatever the number of devices.
        """
        return False

    def scope(self) -> contextlib.AbstractContextManager:
        """The scope in which models that are to be trained have to be made."""
        return contextlib.nullcontext()

    def watching(self) -> contextlib.AbstractContextManager:
        """Within it, a worker that is lost is a `ConnectionError` that says how to go on."""
        return contextlib.nullcontext()

    def gather(self, payload: bytes) -> list[bytes]:
        """What every worker passed, in their order. All workers must call it."""
        return [payload]

    def broadcast(self, payload: bytes = b"") -> bytes:
        """What the chief passed; what others pass is ignored. All workers must call it."""
        return self.gather(payload if self.chief else b"")[0]

    def barrier(self) -> None:
        """Returns when all workers have come here."""
        self.gather(b"")

    def shard(self, data: Any) -> Any:
        """This worker's part of data for statistics, see `ccm_tf.statistics.Sharded`.

        Args:
            data: Anything that `ccm_tf.plan` takes; the same on every worker.
        """
        return Sharded(data, self.index, self.workers, self.gather)

    def check_batch_size(self, batch_size: int) -> None:
        """Raises a `ValueError` if the replicas do not divide a batch.

        Args:
            batch_size: Samples per step, over all replicas.
        """
        if batch_size % self.replicas:
            below = batch_size - batch_size % self.replicas
            options = [n for n in (below, below + self.replicas) if n]
            raise ValueError(
                f"{self.replicas} replicas cannot share a batch of {batch_size} equally. Take a "
                f"batch size of {' or '.join(map(str, options))}; it counts the samples of all "
                "replicas together."
            )

    def fit(self, model: keras.Model, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """`model.fit`, or what does the same where Keras's own cannot."""
        return model.fit(*args, **kwargs)

    def evaluate(self, model: keras.Model, *args: Any, **kwargs: Any) -> dict[str, float]:
        """`model.evaluate` with `return_dict=True`, or what does the same."""
        return model.evaluate(*args, **{**kwargs, "return_dict": True})

    def __repr__(self) -> str:
        place = f", worker {self.index} of {self.workers}" if self.workers > 1 else ""
        return f"<ccm_tf.distribute '{self.name}': {self.replicas} replica(s){place}>"
