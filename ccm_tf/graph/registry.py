"""Which handler reads which kind of operation."""

from collections.abc import Callable
from typing import Any

import keras

from ccm_tf.graph.flow import Effect, Flow
from ccm_tf.graph.trace import Call

Handler = Callable[[Call, Flow], Effect]

_LAYERS: dict[type, Handler] = {}
_OPERATIONS: dict[str, Handler] = {}
_FROZEN: dict[type | str, str] = {}


def register_handler(*kinds: type | str) -> Callable[[Handler], Handler]:
    """Teaches the channel graph a kind of layer.

    A handler is a function `handler(call, flow) -> Effect`. It looks up the channels of the
    call's inputs in `flow` and says what becomes of them: the channels of the outputs, which axis
    of which weight they index, which config entries are widths.

    Args:
        *kinds: Layer classes; or, for raw operations such as `x + y`, the name of the class of
            the operation (`"Add"`).

    Returns:
        A decorator that registers the handler and returns it unchanged.

    Example:

    ```python
    @ccm_tf.register_handler(LayerScale)
    def layer_scale(call, flow):
        (tensor,) = call.inputs
        channels = flow.of(tensor)
        if channels is None:
            return Effect([None])
        return Effect([channels], weights={"gamma": (channels.labels,)})
    ```
    """

    def decorator(handler: Handler) -> Handler:
        for kind in kinds:
            (_OPERATIONS if isinstance(kind, str) else _LAYERS)[kind] = handler  # type: ignore[index]
        return handler

    return decorator


def register_frozen(reason: str, *kinds: type | str) -> None:
    """Marks kinds of operations through which channels are kept on purpose.

    Args:
        reason: Why, as the end of a sentence that starts with the layer's name.
        *kinds: Layer classes or names of classes of raw operations.
    """
    for kind in kinds:
        _FROZEN[kind] = reason


def handler_for(op: keras.Operation) -> Handler:
    """The handler of an operation; `frozen` where none is registered."""
    if isinstance(op, keras.Layer):
        for kind in type(op).__mro__:
            # A subclass with a `call` of its own does something else than its parent.
            if type(op).call is not getattr(kind, "call", None) or kind in _FROZEN:
                break
            if kind in _LAYERS:
                return _LAYERS[kind]
        return frozen
    if is_keras_operation(op):
        return _OPERATIONS.get(type(op).__name__, frozen)
    return frozen


def is_keras_operation(op: Any) -> bool:
    """Whether a raw operation is Keras's own, so that its class name can be trusted."""
    return type(op).__module__.split(".")[0] == "keras"


def frozen(call: Call, flow: Flow) -> Effect:
    """Keeps every channel that goes in; what comes out is not followed."""
    kind = type(call.op).__name__
    known = next((_FROZEN[k] for k in type(call.op).__mro__ if k in _FROZEN), _FROZEN.get(kind))
    reason = known or "is not handled: teach it with `ccm_tf.register_handler`"
    flow.freeze_inputs(call, f"'{call.name}' ({kind}) {reason}")
    return Effect([None] * len(call.outputs))


def handled_layers() -> tuple[type, ...]:
    """Layer classes with a handler."""
    return tuple(_LAYERS)


def handled_operations() -> tuple[str, ...]:
    """Class names of raw operations with a handler."""
    return tuple(_OPERATIONS)


def frozen_kinds() -> dict[type | str, str]:
    """Kinds that are frozen on purpose, with the reason."""
    return dict(_FROZEN)
