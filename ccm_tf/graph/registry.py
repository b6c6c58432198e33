"""Which handler reads which kind of operation."""

from collections.abc import Callable
from typing import Any

import keras

from ccm_tf.graph.flow import Effect, Flow
from ccm_tf.graph.trace import Call

Handler = Callable[[Call, Flow], Effect]

_LAYERS: dict[type, Handler] = {}
_NAMED: dict[str, Handler] = {}
_FROZEN: dict[type | str, str] = {}


def register_handler(*kinds: type | str) -> Callable[[Handler], Handler]:
    """Teaches the channel graph a kind of layer.

    A handler is a function `handler(call, flow) -> Effect`. It looks up the channels of the
    call's inputs in `flow` and says what becomes of them: the channels of the outputs, which axis
    of which weight they index, which config entries are widths.

    Args:
        *kinds: Layer classes; or, for what Keras itself does not export, such as the raw operation
            behind `x + y`, the name of the class (`"Add"`).

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
            (_NAMED if isinstance(kind, str) else _LAYERS)[kind] = handler  # type: ignore[index]
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
    for kind in type(op).__mro__ if isinstance(op, keras.Layer) else ():
        # A subclass with a `call` of its own does something else than its parent.
        if type(op).call is not getattr(kind, "call", None) or kind in _FROZEN:
            break
        if kind in _LAYERS:
            return _LAYERS[kind]
    if is_keras_operation(op):
        return _NAMED.get(type(op).__name__, frozen)
    return frozen


def is_keras_operation(op: Any) -> bool:
    """Whether a raw operation is Keras's own, so that its class name can be trusted."""
    return type(op).__module__.split(".")[0] == "keras"


def frozen(call: Call, flow: Flow) -> Effect:
    """Keeps every channel that goes in; what comes out is not followed."""
    kind = type(call.op)
    reason = _FROZEN.get(kind.__name__, "is not handled: teach it with `ccm_tf.register_handler`")
    for parent in kind.__mro__:
        # The abstract `Layer` at the end of every list says nothing about its subclasses.
        if parent in _FROZEN and (parent is kind or parent is not keras.Layer):
            reason = _FROZEN[parent]
            break
    flow.freeze_inputs(call, f"'{call.name}' ({kind.__name__}) {reason}")
    return Effect([None] * len(call.outputs))


def handler_for_kind(kind: type | str) -> Handler:
    """The handler that is registered for a layer class or a name."""
    return _NAMED[kind] if isinstance(kind, str) else _LAYERS[kind]


def handled_layers() -> tuple[type, ...]:
    """Layer classes with a handler."""
    return tuple(_LAYERS)


def handled_operations() -> tuple[str, ...]:
    """Class names of raw operations, and of layers that Keras does not export, with a handler."""
    return tuple(_NAMED)


def frozen_kinds() -> dict[type | str, str]:
    """Kinds that are frozen on purpose, with the reason."""
    return dict(_FROZEN)
