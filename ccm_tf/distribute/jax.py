"""`keras.distribution`: data parallelism over the devices and processes of JAX."""

import contextlib
import os
from typing import Any

import keras
import numpy as np

from ccm_tf.distribute import keras_job
from ccm_tf.distribute.agreement import check_same_model
from ccm_tf.distribute.even import EvenBatches
from ccm_tf.distribute.feed import ArrayBatches, part
from ccm_tf.distribute.lost import lost_processes_named
from ccm_tf.distribute.registry import Options, register
from ccm_tf.distribute.rendezvous import meet
from ccm_tf.distribute.strategy import Strategy


class JaxStrategy(Strategy):
    """Data parallelism under JAX: programs see the global batch, devices hold parts of it.

    Models that are to be trained are made in its `scope`; their variables lie on all devices of
    all processes. Models made outside lie on one device of their process, which can work with them
    alone.
    """

    name = "jax"

    def scope(self) -> contextlib.AbstractContextManager:
        """See `Strategy.scope`."""
        return self.native.scope()

    def watching(self) -> contextlib.AbstractContextManager:
        """See `Strategy.watching`."""
        return lost_processes_named() if self.workers > 1 else contextlib.nullcontext()

    def gather(self, payload: bytes) -> list[bytes]:
        """See `Strategy.gather`."""
        if self.workers == 1:
            return [payload]
        from jax.experimental import multihost_utils

        sizes = multihost_utils.process_allgather(np.array([len(payload)], np.int32)).reshape(-1)
        row = np.zeros(max(int(sizes.max()), 1), np.uint8)
        row[: len(payload)] = np.frombuffer(payload, np.uint8)
        rows = np.asarray(multihost_utils.process_allgather(row)).reshape(self.workers, -1)
        return [row.tobytes()[:size] for row, size in zip(rows, sizes, strict=True)]

    def fit(self, model: keras.Model, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """See `Strategy.fit`; samples that the devices cannot share equally are left out.

        Raises:
            ValueError: If the model was made outside the scope, or data cannot be shared.
            RuntimeError: If the processes begin, or end, with different weights.
        """
        seed = 0 if kwargs.get("shuffle", True) else None
        size = kwargs.pop("batch_size", None)
        data, kwargs = self._data(args, kwargs, size, seed, kwargs.get("initial_epoch", 0))
        watched = kwargs.get("validation_data")
        if watched is not None:
            size = kwargs.pop("validation_batch_size", None) or size
            parts = watched if isinstance(watched, tuple) else (watched,)
            kwargs["validation_data"], _ = self._data(parts, {}, size)
        self._check(model)
        with self.scope():
            history = model.fit(data, **{**kwargs, "shuffle": False})
        self._check(model)
        return history

    def evaluate(self, model: keras.Model, *args: Any, **kwargs: Any) -> dict[str, float]:
        """See `Strategy.evaluate`; leaves out samples, and raises, as `fit` does."""
        data, kwargs = self._data(args, kwargs, kwargs.pop("batch_size", None))
        self._check(model)
        with self.scope():
            return super().evaluate(model, data, **kwargs)

    def _data(
        self,
        args: tuple,
        kwargs: dict[str, Any],
        batch_size: int | None,
        seed: int | None = None,
        epoch: int = 0,
    ) -> tuple[Any, dict[str, Any]]:
        """What this process reads of the data among some arguments, and the other arguments."""
        given = dict(zip(("x", "y", "sample_weight"), args, strict=False))
        kwargs = {**kwargs, **given}
        data, *more = (kwargs.pop(name, None) for name in ("x", "y", "sample_weight"))
        arrays = tuple(array for array in (data, *more) if array is not None)
        if all(hasattr(array, "shape") for array in keras.tree.flatten(arrays)):
            data = ArrayBatches(arrays, batch_size or 32, seed, epoch)
        if isinstance(data, keras.utils.PyDataset):
            data = EvenBatches(data, self.replicas)
            return data if self.workers == 1 else _Part(data, self.index, self.workers), kwargs
        if self.workers > 1:
            raise ValueError(
                "With several processes of JAX, data must be arrays or a `keras.utils.PyDataset`, "
                f"so that each can take its part. Received: {type(data).__name__}."
            )
        return data, kwargs

    def _check(self, model: keras.Model) -> None:
        """Raises unless all processes hold the same model, compiled and on all devices."""
        if self.workers > 1 and (model.run_eagerly or not model.jit_compile):
            # Operation by operation, sums of several processes overtake each other on CPUs and get
            # mixed up, without a word from JAX.
            raise ValueError(
                f"With several processes of JAX the steps of model '{model.name}' must be "
                "compiled: leave out `jit_compile=False` and `run_eagerly=True`."
            )
        for variable in model.variables[:1]:
            if len(variable.value.sharding.device_set) != self.replicas:
                raise ValueError(
                    f"Model '{model.name}' was made outside the scope of the strategy, so it would "
                    "train on one device. Make and compile it in `with strategy.scope():`."
                )
        if self.workers > 1:
            check_same_model(model, self)


class _Part(keras.utils.PyDataset):
    """One process's part of another data set's batches, all of which can be shared equally."""

    def __init__(self, data: keras.utils.PyDataset, index: int, processes: int):
        super().__init__()
        self._data = data
        self._index = index
        self._processes = processes

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> Any:
        return part(self._data[index], self._index, self._processes, equal=True)

    def on_epoch_begin(self) -> None:
        self._data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._data.on_epoch_end()


@register("jax", "jax")
def jax_data_parallel(options: Options) -> Strategy:
    """All devices; all processes too, if Keras's variables for a job of several are set."""
    import jax

    if keras_job.asked(os.environ):
        cluster = keras_job.read_keras_job(os.environ)
        if cluster is not None:
            # JAX waits for absent processes without a word.
            about = f"keras {keras.__version__}, jax {jax.__version__}; {options.about}"
            meet(cluster, about, options.timeout)
        keras.distribution.initialize()
    # Each process is handed its part of a batch, so Keras need not divide anything.
    native = keras.distribution.DataParallel(
        devices=keras.distribution.list_devices(), auto_shard_dataset=False
    )
    return JaxStrategy(jax.device_count(), jax.process_count(), jax.process_index(), native)
