"""KERAS_DISTRIBUTION_*: which processes of JAX work together, and which of them this one is."""

import os
from collections.abc import Mapping

from ccm_tf.distribute.tf_config import Cluster, is_address

_NAMES = tuple(
    f"KERAS_DISTRIBUTION_{name}" for name in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
)
_SOURCE = "KERAS_DISTRIBUTION_*"


def asked(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether Keras's variables for a job of several processes are set."""
    return any(environment.get(name) for name in _NAMES)


def read_keras_job(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """The processes that Keras's variables describe, checked.

    Args:
        environment: Where to look. Defaults to the environment of the process.

    Returns:
        The cluster, in which processes whose address is not given go by their number; `None` if no
        address is given, so that JAX has to find the others by itself.

    Raises:
        ValueError: If the variables contradict each other.
    """
    listed, count, index = (environment.get(name, "") for name in _NAMES)
    addresses = [address.strip() for address in listed.split(",") if address.strip()]
    if not addresses:
        return None
    count = count or str(len(addresses))
    fits = count.isdecimal() and index.isdecimal() and int(index) < int(count)
    if not fits or len(addresses) not in (1, int(count)) or not is_address(addresses[0]):
        raise ValueError(
            "Keras's variables for several processes contradict each other. Expected "
            f"{_NAMES[0]}=host0:12345 (the first process), {_NAMES[1]}=2 and {_NAMES[2]}=0 or 1. "
            f"Received: {', '.join(f'{name}={environment.get(name)!r}' for name in _NAMES)}"
        )
    others = addresses[1:] or [f"process {number}" for number in range(1, int(count))]
    return Cluster((addresses[0], *others), int(index), _SOURCE)
