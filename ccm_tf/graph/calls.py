"""The vocabulary of a traced model: tensors, calls, and arguments that hold tensors."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One tensor of a traced graph.

    Attributes:
        call: Position of the call that made it in `Trace.calls`; -1 for a model input.
        index: Which of that call's (flattened) outputs, or which model input.
        shape: Static shape with `None` for unknown axes, the batch axis included.
        dtype: Name of the dtype.
    """

    call: int
    index: int
    shape: tuple[int | None, ...]
    dtype: str


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of one operation. A shared layer has several calls.

    Attributes:
        position: Place in `Trace.calls`, which is in topological order.
        name: Name of the operation, unique in the trace and the same at each of its calls.
        op: The model's own layer or raw operation, never a copy.
        args: Positional arguments, with a `Tensor` wherever a tensor goes.
        kwargs: Keyword arguments, likewise.
        outputs: The outputs that somebody uses, in order.
    """

    position: int
    name: str
    op: keras.Operation
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[Tensor, ...]

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The tensors among the arguments, in order."""
        return tuple(tensors_in((self.args, self.kwargs)))


def key_of(tensor: Tensor) -> tuple[int, int]:
    """What identifies a tensor: the call that made it and the place among its outputs."""
    return tensor.call, tensor.index


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and dicts, in the order in which Keras flattens them."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from tensors_in(value[key])
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)


def filled(value: Any, values: dict[tuple[int, int], Any]) -> Any:
    """A nested structure with every `Tensor` replaced by its value."""
    if isinstance(value, Tensor):
        return values[key_of(value)]
    if isinstance(value, dict):
        return {key: filled(item, values) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(filled(item, values) for item in value)
    return value
