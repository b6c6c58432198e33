"""TF_CONFIG: which machines work together, and which of them this process is."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

_EXAMPLE = (
    'TF_CONFIG=\'{"cluster": {"worker": ["host0:12345", "host1:12345"]}, '
    '"task": {"type": "worker", "index": 0}}\''
)
# Task types that train, in the order in which they count: the first of all is the chief.
_TRAINING = ("chief", "worker")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes that train together.

    Attributes:
        addresses: `"host:port"` of every worker; the first is the chief's.
        index: Which of them this process is.
        source: Where that is said, for messages.
    """

    addresses: tuple[str, ...]
    index: int
    source: str = "TF_CONFIG"

    def name(self, index: int) -> str:
        """What messages call a worker."""
        role = " (chief)" if index == 0 else ""
        return f"worker {index}{role} at {self.addresses[index]}"


def read_tf_config(environment: Mapping[str, str] = os.environ) -> Cluster:
    """The cluster that TF_CONFIG describes, checked.

    Args:
        environment: Where to look. Defaults to the environment of the process.

    Raises:
        ValueError: If TF_CONFIG is missing, does not parse, or contradicts itself.
    """
    text = environment.get("TF_CONFIG", "")
    if not text:
        raise ValueError(
            "The strategy 'multi_worker' needs TF_CONFIG, on every machine with an index of its "
            f"own, for example {_EXAMPLE}. Received: no TF_CONFIG. (For the GPUs of one machine "
            "take 'mirrored'.)"
        )
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise _error(f"TF_CONFIG is not JSON ({error})", text) from error
    cluster = config.get("cluster") if isinstance(config, dict) else None
    task = config.get("task") if isinstance(config, dict) else None
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise _error("TF_CONFIG needs a 'cluster' and a 'task'", text)
    return _checked(cluster, task, text)


def _checked(cluster: dict[str, Any], task: dict[str, Any], text: str) -> Cluster:
    strange = sorted(set(cluster) - set(_TRAINING))
    if strange:
        raise _error(
            f"TF_CONFIG names tasks of the type '{strange[0]}'; here all machines are workers (or "
            "one 'chief' and workers)",
            text,
        )
    groups = {kind: cluster[kind] for kind in _TRAINING if kind in cluster}
    for role, listed in groups.items():
        if not isinstance(listed, list) or not all(is_address(a) for a in listed):
            raise _error(f"'{role}' in TF_CONFIG must be a list of 'host:port'", text)
    addresses = [address for listed in groups.values() for address in listed]
    twice = sorted({a for a in addresses if addresses.count(a) > 1})
    if twice:
        raise _error(f"TF_CONFIG lists '{twice[0]}' twice", text)
    if len(groups.get("chief", [])) > 1:
        raise _error("TF_CONFIG names more than one chief", text)
    kind, index = task.get("type"), task.get("index")
    known = ", ".join(f"{k} 0 to {len(v) - 1}" for k, v in groups.items() if v)
    if kind not in groups or type(index) is not int or not 0 <= index < len(groups[kind]):
        raise _error(
            f"TF_CONFIG says that this process is {kind!r} {index!r}, but its cluster has "
            f"{known or 'nobody'}",
            text,
        )
    before = len(groups.get("chief", [])) if kind == "worker" else 0
    return Cluster(tuple(addresses), before + index)


def is_address(value: Any) -> bool:
    """Whether a value is `"host:port"`."""
    if not isinstance(value, str):
        return False
    host, _, port = value.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65536


def _error(what: str, text: str) -> ValueError:
    shown = text if len(text) <= 300 else text[:300] + "…"
    return ValueError(f"{what}. Expected something like {_EXAMPLE}. Received: TF_CONFIG={shown!r}")
