"""Strategies by name, and the one that the process runs under."""

import dataclasses
from collections.abc import Callable

import keras

from ccm_tf.distribute.strategy import Strategy

_RUNNING: list[Strategy] = []


@dataclasses.dataclass(frozen=True)
class Options:
    """What can be said about a strategy beyond its name.

    Attributes:
        replicas: For `"mirrored"`: replicas on this machine; 0 takes all GPUs.
        timeout: For `"multi_worker"` and `"jax"`: seconds to wait for the other workers.
        about: For `"multi_worker"` and `"jax"`: what all workers must have in common, as text.
        address: For `"tpu"`: name or address of the TPU; empty for a local one.
    """

    replicas: int = 0
    timeout: float = 600.0
    about: str = ""
    address: str = ""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A strategy that can be started.

    Attributes:
        make: Makes it.
        backends: Keras backends that have it; all if empty.
    """

    make: Callable[[Options], Strategy]
    backends: tuple[str, ...] = ()


_KINDS: dict[str, Kind] = {"none": Kind(lambda options: Strategy())}


def register(name: str, *backends: str) -> Callable:
    """Decorator: the function makes the strategy of a name from `Options`, on some backends."""

    def decorate(make: Callable[[Options], Strategy]) -> Callable[[Options], Strategy]:
        _KINDS[name] = Kind(make, backends)
        return make

    return decorate


def names() -> tuple[str, ...]:
    """Names of all strategies."""
    return tuple(_KINDS)


def check_name(name: str) -> None:
    """Raises a `ValueError` if there is no such strategy, or the backend lacks it."""
    if name not in _KINDS:
        raise ValueError(
            f"Unknown strategy. Expected one of {', '.join(_KINDS)}. Received: {name!r}"
        )
    backends, backend = _KINDS[name].backends, keras.backend.backend()
    if backends and backend not in backends:
        there = [n for n, kind in _KINDS.items() if not kind.backends or backend in kind.backends]
        raise ValueError(
            f"The strategy '{name}' needs Keras on {' or '.join(backends)}, and it runs on "
            f"{backend}. Set KERAS_BACKEND={backends[0]}, or take one of {', '.join(there)}."
        )


def start(name: str, **options: object) -> Strategy:
    """Starts the strategy of this process, or returns it if it runs already.

    A process has one strategy from its beginning to its end, for dense and slim models alike: two
    would mix up each other's collective operations. Call it first of all: TensorFlow sets up
    devices and collectives before its first operation.

    Args:
        name: `"none"`, `"mirrored"` (the GPUs of one machine), `"multi_worker"` (several machines,
            from TF_CONFIG), `"tpu"`, or `"jax"` (all devices and processes of JAX).
        **options: `replicas` for `"mirrored"` (defaults to all GPUs; without GPUs, to so many
            parts of the CPU), `timeout` in seconds and `about` for several workers, `address` for
            `"tpu"`. See `Options`.

    Returns:
        A `Strategy`.

    Raises:
        ValueError: If there is no such strategy, the backend lacks it, TF_CONFIG makes no sense,
            or the process runs under another one.
        TimeoutError: If a worker does not come; the message names it.

    Example:

    ```python
    strategy = ccm_tf.distribute.start("mirrored")
    with strategy.scope():
        model = ccm_tf.Model.from_model(make_model())
        model.compile("sgd", "sparse_categorical_crossentropy")
    strategy.fit(model, images, labels, batch_size=256)
    ```
    """
    check_name(name)
    chosen = Options(**options)  # type: ignore[arg-type]
    if _RUNNING:
        running = _RUNNING[0]
        if running.name != name:
            raise ValueError(
                f"This process runs under the strategy '{running.name}' and cannot change to "
                f"'{name}': one strategy per process. Start another process."
            )
        return running
    made = _KINDS[name].make(chosen)
    if name != "none":
        _RUNNING.append(made)
    return made


def current() -> Strategy:
    """The strategy that `start` has started; one that does nothing before that."""
    return _RUNNING[0] if _RUNNING else Strategy()
