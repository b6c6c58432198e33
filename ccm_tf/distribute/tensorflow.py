"""Strategies of `tf.distribute`."""

import contextlib
import os
from typing import Any

import keras
import numpy as np

from ccm_tf.distribute.even import EvenBatches, for_evaluation
from ccm_tf.distribute.lost import lost_workers_named
from ccm_tf.distribute.registry import Options, register
from ccm_tf.distribute.rendezvous import meet
from ccm_tf.distribute.strategy import Strategy
from ccm_tf.distribute.tf_config import read_tf_config
from ccm_tf.distribute.trainer import Trainer

# Messages travel in parts of either size, so that only two functions are compiled.
_SMALL, _LARGE = 2**8, 2**20


class TensorFlowStrategy(Strategy):
    """A `tf.distribute.Strategy` of yours, with what this library needs of it.

    Args:
        native: The strategy, for instance a `tf.distribute.MirroredStrategy`.
        name: What messages call it. Defaults to `"mirrored"`.
        workers: Processes that work together. Defaults to 1.
        index: Which of them this is. Defaults to 0.

    Example:

    ```python
    strategy = ccm_tf.distribute.TensorFlowStrategy(tf.distribute.MirroredStrategy())
    ```
    """

    def __init__(self, native: Any, name: str = "mirrored", workers: int = 1, index: int = 0):
        super().__init__(int(native.num_replicas_in_sync), workers, index, native)
        self.name = name
        self._sums: dict[int, Any] = {}

    @property
    def synchronises(self) -> bool:
        """See `Strategy.synchronises`."""
        return self.replicas > 1

    def scope(self) -> contextlib.AbstractContextManager:
        """See `Strategy.scope`."""
        return self.native.scope()

    def watching(self) -> contextlib.AbstractContextManager:
        """See `Strategy.watching`."""
        return lost_workers_named()

    def gather(self, payload: bytes) -> list[bytes]:
        """See `Strategy.gather`."""
        if self.workers == 1:
            return [payload]
        sizes = np.zeros(self.workers, np.int32)
        sizes[self.index] = len(payload)
        sizes = self._sum(sizes)
        words = -(-int(sizes.max()) // 4)
        table = np.zeros((self.workers, words), np.int32)
        padded = payload + bytes(-len(payload) % 4)
        table[self.index, : len(padded) // 4] = np.frombuffer(padded, np.int32)
        found = self._sum(table.reshape(-1)).reshape(self.workers, words)
        return [row.tobytes()[:size] for row, size in zip(found, sizes, strict=True)]

    def fit(self, model: keras.Model, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """See `Strategy.fit`: Keras's own `fit` fails with several workers.

        Samples at the end of an epoch that the replicas cannot share equally are left out.
        """
        if self.workers == 1 and self.name != "multi_worker":
            data = args[0] if args else None
            if isinstance(data, keras.utils.PyDataset) and data.num_batches:
                args = (EvenBatches(data, self.replicas), *args[1:])
            size = kwargs.get("validation_batch_size") or kwargs.get("batch_size")
            watched = for_evaluation(kwargs.pop("validation_data", None), self.replicas, size)
            return model.fit(*args, **kwargs, validation_data=watched)
        return Trainer(model, self).fit(*args, **kwargs)

    def evaluate(self, model: keras.Model, *args: Any, **kwargs: Any) -> dict[str, float]:
        """See `Strategy.evaluate`."""
        if self.workers == 1 and self.name != "multi_worker":
            args = tuple(for_evaluation(data, self.replicas) for data in args)
            return super().evaluate(model, *args, **kwargs)
        return Trainer(model, self).evaluate(*args, **kwargs)

    def _sum(self, values: np.ndarray) -> np.ndarray:
        """Sum over workers of int32 vectors, exact: but for one worker's, all entries are zero."""
        length = _SMALL if len(values) <= _SMALL else _LARGE
        parts = [
            self._sum_part(values[start : start + length], length)
            for start in range(0, len(values), length)
        ]
        return np.concatenate(parts) if parts else values

    def _sum_part(self, values: np.ndarray, length: int) -> np.ndarray:
        import tensorflow as tf

        if length not in self._sums:

            def summed(part):
                context = tf.distribute.get_replica_context()
                return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(part))

            @tf.function(autograph=False)
            def run(part):
                return self.native.experimental_local_results(self.native.run(summed, (part,)))[0]

            self._sums[length] = run
        local = self.replicas // self.workers
        padded = np.zeros(length, np.int32)
        padded[: len(values)] = values
        parts = self.native.experimental_distribute_values_from_function(
            # One replica speaks for its worker.
            lambda context: tf.constant(
                padded if context.replica_id_in_sync_group % local == 0 else np.zeros_like(padded)
            )
        )
        with self.watching():
            return self._sums[length](parts).numpy()[: len(values)]


@register("mirrored", "tensorflow")
def mirrored(options: Options) -> Strategy:
    """All GPUs of a machine; without any, parts of its CPU, to try things out."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if options.replicas > len(gpus) > 0:
        raise ValueError(
            f"This machine has {len(gpus)} GPU(s). Received: replicas={options.replicas}."
        )
    if gpus:
        devices = [f"GPU:{i}" for i in range(options.replicas or len(gpus))]
        return TensorFlowStrategy(tf.distribute.MirroredStrategy(devices))
    devices = _logical_cpus(max(options.replicas, 1))
    native = tf.distribute.MirroredStrategy(
        devices, cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
    return TensorFlowStrategy(native)


@register("multi_worker", "tensorflow")
def multi_worker(options: Options) -> Strategy:
    """Several machines, each with its GPUs or its CPU, as TF_CONFIG says."""
    import tensorflow as tf

    cluster = read_tf_config(os.environ)
    about = f"keras {keras.__version__}, tensorflow {tf.__version__}; {options.about}"
    meet(cluster, about, options.timeout)
    try:
        native = tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        raise ValueError(
            "The strategy 'multi_worker' has to be started before TensorFlow's first operation: "
            f"call `ccm_tf.distribute.start` first of all. TensorFlow said: {error}"
        ) from error
    return TensorFlowStrategy(native, "multi_worker", len(cluster.addresses), cluster.index)


@register("tpu", "tensorflow")
def tpu(options: Options) -> Strategy:
    """A TPU, in bfloat16."""
    import tensorflow as tf

    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=options.address)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        raise ValueError(
            f"No TPU answers (address {options.address!r}): {error}. Run on a TPU machine, or name "
            "the TPU in `address`; for GPUs take 'mirrored'."
        ) from error
    native = tf.distribute.TPUStrategy(resolver)
    # Matrix units of a TPU multiply bfloat16; variables stay float32.
    keras.config.set_dtype_policy("mixed_bfloat16")
    return TensorFlowStrategy(native, "tpu")


def _logical_cpus(count: int) -> list[str]:
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    before = tf.config.get_logical_device_configuration(cpu) or [None]
    if len(before) < count:
        try:
            parts = [tf.config.LogicalDeviceConfiguration()] * count
            tf.config.set_logical_device_configuration(cpu, parts)
        except RuntimeError as error:
            raise ValueError(
                f"The CPU cannot be split into {count} replicas any more: TensorFlow has run "
                "something already. Call `ccm_tf.distribute.start` first of all."
            ) from error
    return [f"CPU:{i}" for i in range(count)]
