"""What `tf.distribute` asks of a loss; on other backends a replica is always alone.

TensorFlow is imported only inside the functions and only on the TensorFlow backend. On JAX with
`keras.distribution` a program sees the global batch, so nothing has to be reduced by hand.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops


def count() -> int:
    """Number of replicas that run the current code in step; 1 outside a replica."""
    context = _replica_context()
    return 1 if context is None else int(context.num_replicas_in_sync)


def all_reduce_sum(values: Any) -> Any:
    """The sum over all replicas of every tensor in a structure, as a constant without gradient."""
    values = keras.tree.map_structure(ops.stop_gradient, values)
    context = _replica_context()
    if context is None or not keras.tree.flatten(values):
        return values
    import tensorflow as tf

    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)


def add_loss(layer: keras.layers.Layer, loss: Any) -> None:
    """`layer.add_loss(loss)`, right also where replica threads wait for each other.

    Keras collects losses in one list per layer, which the replica threads of a
    `MirroredStrategy` share: a thread that had to wait for an all-reduce would find the others'
    terms beside its own. So the threads add theirs together and none goes on before all have:
    each then reads one term per thread, whose sum is the mean, with its own term's gradient.

    Args:
        layer: The layer (or model) that is being called.
        loss: Scalar tensor.
    """
    threads = _threads_in_step()
    if threads > 1:
        loss = ops.stop_gradient(loss) / threads + (loss - ops.stop_gradient(loss))
    keras.layers.Layer.add_loss(layer, loss)
    if threads > 1:
        _threads_in_step()


def scope_of(model: keras.Model) -> contextlib.AbstractContextManager:
    """The scope in which the variables of `model` have to be made."""
    if keras.backend.backend() == "tensorflow":
        return model.distribute_strategy.scope()
    return contextlib.nullcontext()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Within it, models are made on this process's own device, for what it does without others.

    A training on several devices of JAX runs in a scope that would put them on all devices, and
    what one process does with such a model all must do. Nothing has to be done on TensorFlow.
    """
    distribution = keras.distribution.distribution()
    if keras.backend.backend() != "jax" or distribution is None:
        yield
        return
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def _replica_context():
    """The `tf.distribute.ReplicaContext` of several replicas, else `None`.

    It is `None` too in cross-replica code, which is where Keras builds models symbolically.
    """
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    if not tf.distribute.has_strategy():
        return None
    context = tf.distribute.get_replica_context()
    return context if context is not None and context.num_replicas_in_sync > 1 else None


def _threads_in_step() -> int:
    """Waits for the replica threads of this process, and says how many there are."""
    context = _replica_context()
    if context is None:
        return 1

    def local(strategy, marker):
        return len(strategy.experimental_local_results(marker))

    # Each thread needs its own object: equal ones would be taken for a single value.
    return context.merge_call(local, args=(ops.zeros(()),))
