"""All workers meet before the first collective operation, or say who is missing.

TensorFlow waits for absent workers without a word. So the chief first listens for a moment on the
very address that TF_CONFIG gives it; the others come, say who they are and what they are about to
do, and all go on together, or all stop with the same sentence.
"""

import json
import selectors
import socket
import time
from typing import Any

from ccm_tf.distribute.tf_config import Cluster

_RETRY = 0.2
# How much longer the others wait for the chief's verdict than the chief for them.
_GRACE = 5.0
_LONGEST = 2**16


def meet(cluster: Cluster, about: str = "", timeout: float = 600.0) -> None:
    """Returns when all workers are there and agree.

    Args:
        cluster: Who works together.
        about: What all workers must have in common, as text: settings, versions.
        timeout: Seconds to wait for the others. Defaults to 600.

    Raises:
        TimeoutError: If a worker does not come; the message names it.
        ValueError: If workers disagree on the cluster or on `about`, or two are the same one.
        OSError: If the chief's port is taken by another program.
    """
    if len(cluster.addresses) == 1:
        return
    deadline = time.monotonic() + timeout
    own = {"index": cluster.index, "addresses": list(cluster.addresses), "about": about}
    verdict = (
        _receive(cluster, own, deadline) if cluster.index == 0 else _report(cluster, own, deadline)
    )
    if verdict["missing"]:
        names = ", ".join(cluster.name(index) for index in verdict["missing"])
        raise TimeoutError(
            f"Waited {timeout:.0f} s for all {len(cluster.addresses)} workers; missing: {names}. "
            "Look whether they run and whether their ports can be reached, or allow more time."
        )
    if verdict["error"]:
        raise ValueError(verdict["error"])


def _receive(cluster: Cluster, own: dict[str, Any], deadline: float) -> dict[str, Any]:
    """The chief's side: collects the others, then tells all of them the same."""
    present, connections, error = {0}, [], ""
    with selectors.DefaultSelector() as selector, _listening(cluster) as listener:
        selector.register(listener, selectors.EVENT_READ)
        while len(present) < len(cluster.addresses) and not error:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            for _ in selector.select(left):
                connection, _ = listener.accept()
                said = _read(connection, min(left, _GRACE))
                if said is None:
                    connection.close()
                    continue
                connections.append(connection)
                error = _disagreement(cluster, own, said, present)
                present.add(said.get("index"))
        missing = [] if error else sorted(set(range(len(cluster.addresses))) - present)
        verdict = {"missing": missing, "error": error}
        for connection in connections:
            _write(connection, verdict)
        for connection in connections:
            # The other side closes first, so that the port is free for TensorFlow at once.
            _read(connection, 1.0)
            connection.close()
    return verdict


def _report(cluster: Cluster, own: dict[str, Any], deadline: float) -> dict[str, Any]:
    """The others' side: tells the chief, and waits for its verdict."""
    host, _, port = cluster.addresses[0].rpartition(":")
    while (left := deadline - time.monotonic()) > 0:
        try:
            with socket.create_connection((host, int(port)), timeout=min(left, 5.0)) as connection:
                _write(connection, own)
                verdict = _read(connection, left + _GRACE)
        except OSError:
            verdict = None
        if verdict is not None:
            return verdict
        time.sleep(min(_RETRY, max(left, 0.0)))
    return {"missing": [0], "error": ""}


def _disagreement(
    cluster: Cluster, own: dict[str, Any], said: dict[str, Any], present: set[int]
) -> str:
    index = said.get("index")
    if said.get("addresses") != own["addresses"]:
        return (
            f"The {cluster.source} of worker {index} disagrees with the chief's: "
            f"{said.get('addresses')} "
            f"there, {own['addresses']} here. All machines need the same cluster."
        )
    if index in present:
        return (
            f"Two processes say that they are {cluster.name(int(index))}. Every process needs a "
            f"number of its own in {cluster.source}."
        )
    if said.get("about") != own["about"]:
        return (
            f"{cluster.name(int(str(index)))} was started differently: "
            f"{said.get('about')!r} there, {own['about']!r} on the chief. Start all workers with "
            "the same command and versions."
        )
    return ""


def _listening(cluster: Cluster) -> socket.socket:
    port = int(cluster.addresses[0].rpartition(":")[2])
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("", port))
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno,
            f"Port {port} of {cluster.name(0)} cannot be used ({error.strerror}). End the program "
            f"that holds it, perhaps an earlier run, or take another port in {cluster.source}",
        ) from error
    listener.listen(len(cluster.addresses))
    return listener


def _write(connection: socket.socket, value: dict[str, Any]) -> None:
    try:
        connection.sendall(json.dumps(value).encode() + b"\n")
    except OSError:
        # Whoever is gone is noticed by the collective operations.
        return


def _read(connection: socket.socket, timeout: float) -> Any:
    """One line of JSON, `None` if something else or nothing comes."""
    connection.settimeout(max(timeout, 0.1))
    text = b""
    try:
        while not text.endswith(b"\n") and len(text) < _LONGEST:
            part = connection.recv(4096)
            if not part:
                return None
            text += part
        value = json.loads(text)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
