"""What TensorFlow and JAX say when another worker is gone, as a sentence."""

import contextlib
from collections.abc import Iterator

# Of collective operations on CPUs and GPUs, and of what watches over the processes.
_OF_JAX = ("Gloo ", "NCCL ", "heartbeat", "coordination service")


@contextlib.contextmanager
def lost_workers_named() -> Iterator[None]:
    """Turns the errors of collective operations without a partner into a `ConnectionError`.

    Raises:
        ConnectionError: If another worker is gone.
    """
    import tensorflow as tf

    gone = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)
    try:
        yield
    except gone as error:
        raise _gone("TensorFlow", error.message) from error


@contextlib.contextmanager
def lost_processes_named() -> Iterator[None]:
    """The same for JAX, whose errors are told apart by their text alone.

    Raises:
        ConnectionError: If another process is gone.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if not any(word in str(error) for word in _OF_JAX):
            raise
        raise _gone("JAX", error) from error


def _gone(engine: str, said: object) -> ConnectionError:
    first = (str(said).splitlines() or [""])[0][:200]
    return ConnectionError(
        "Another worker is gone, and this one cannot go on alone. Start the same command on all "
        f"workers again: it goes on from the last checkpoint. {engine} said: {first}"
    )
