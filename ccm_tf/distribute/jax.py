"""`keras.distribution`: data parallelism over the devices and processes of JAX."""

import os
from typing import Any

import keras
import numpy as np

from ccm_tf.distribute.even import EvenBatches
from ccm_tf.distribute.registry import Options, register
from ccm_tf.distribute.strategy import Strategy

_JOB = ("KERAS_DISTRIBUTION_JOB_ADDRESSES", "KERAS_DISTRIBUTION_NUM_PROCESSES")


class JaxStrategy(Strategy):
    """Data parallelism under JAX: programs see the global batch, devices hold parts of it."""

    name = "jax"

    def gather(self, payload: bytes) -> list[bytes]:
        """See `Strategy.gather`."""
        if self.workers == 1:
            return [payload]
        from jax.experimental import multihost_utils

        sizes = multihost_utils.process_allgather(np.array([len(payload)], np.int32)).reshape(-1)
        row = np.zeros(max(int(sizes.max()), 1), np.uint8)
        row[: len(payload)] = np.frombuffer(payload, np.uint8)
        rows = np.asarray(multihost_utils.process_allgather(row)).reshape(self.workers, -1)
        return [part.tobytes()[:size] for part, size in zip(rows, sizes, strict=True)]

    def fit(self, model: keras.Model, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """See `Strategy.fit`; samples that the devices cannot share equally are left out."""
        if args and isinstance(args[0], keras.utils.PyDataset):
            args = (EvenBatches(args[0], self.replicas), *args[1:])
        return model.fit(*args, **self._even_validation(kwargs))

    def evaluate(self, model: keras.Model, *args: Any, **kwargs: Any) -> dict[str, float]:
        """See `Strategy.evaluate`."""
        if args and isinstance(args[0], keras.utils.PyDataset):
            args = (EvenBatches(args[0], self.replicas), *args[1:])
        return super().evaluate(model, *args, **kwargs)

    def _even_validation(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        data = kwargs.get("validation_data")
        if not isinstance(data, keras.utils.PyDataset):
            return kwargs
        return {**kwargs, "validation_data": EvenBatches(data, self.replicas)}


@register("jax", "jax")
def jax_data_parallel(options: Options) -> Strategy:
    """All devices; all processes too, if Keras's variables for a job of several are set."""
    import jax

    if any(os.environ.get(name) for name in _JOB):
        keras.distribution.initialize()
    native = keras.distribution.DataParallel(devices=keras.distribution.list_devices())
    keras.distribution.set_distribution(native)
    return JaxStrategy(jax.device_count(), jax.process_count(), jax.process_index(), native)
