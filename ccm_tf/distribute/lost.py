"""What TensorFlow says when another worker is gone, as a sentence."""

import contextlib
from collections.abc import Iterator


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
        first = str(error.message).splitlines()[0][:200]
        raise ConnectionError(
            "Another worker is gone, and this one cannot go on alone. Start the same command on "
            f"all workers again: it goes on from the last checkpoint. TensorFlow said: {first}"
        ) from error
