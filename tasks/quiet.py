"""A start without the remarks that TensorFlow's libraries make about the machine."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Swallows what the block writes to standard error, below Python too, unless it raises.

    For imports only: an import that fails shows what it had to say.

    Example:

    ```python
    with quietly():
        import keras
    ```
    """
    # Later remarks, at the first operation, are filtered by TensorFlow itself.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(saved, said.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
