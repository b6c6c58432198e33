"""One of several implementations: the one for the backend that runs."""

from collections.abc import Mapping
from typing import Any

import keras


def for_backend(implementations: Mapping[str, Any]) -> Any:
    """What takes gradients on the running backend.

    Args:
        implementations: Name of a Keras backend to what works on it.

    Raises:
        NotImplementedError: If there is nothing for the running backend.
    """
    backend = keras.backend.backend()
    if backend not in implementations:
        raise NotImplementedError(
            f"Gradients are taken on the backends {sorted(implementations)}. Received: '{backend}'."
        )
    return implementations[backend]
