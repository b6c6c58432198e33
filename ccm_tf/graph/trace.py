"""A Keras model as a flat list of calls, read from its serialised graph."""

import dataclasses
from collections.abc import Callable, Iterator
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
        op: The model's own layer or raw operation, never a copy.
        args: Positional arguments, with a `Tensor` wherever a tensor goes.
        kwargs: Keyword arguments, likewise.
        outputs: The outputs that somebody uses, in order.
    """

    position: int
    op: keras.Operation
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[Tensor, ...]

    @property
    def name(self) -> str:
        return self.op.name

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The tensors among the arguments, in order."""
        return tuple(_tensors((self.args, self.kwargs)))


class Trace:
    """A functional or sequential model as data that can be read and run.

    Reading it creates no variables and no nodes: it costs one `get_config`. Running it calls the
    model's own operations one by one, so a hook can look at every tensor, replace it, or call
    something else in an operation's place. On real tensors (eager or inside a compiled function)
    that leaves no mark on the model; on symbolic tensors it builds a new graph.

    Args:
        model: A built `keras.Model`, functional or sequential.

    Raises:
        ValueError: If the model has no graph to read: subclassed or not built.

    Example:

    ```python
    trace = Trace(model)
    for call in trace.calls:
        print(call.name, [t.shape for t in call.inputs])
    same = trace.run(images)
    ```
    """

    def __init__(self, model: keras.Model):
        view = functional_view(model)
        config = _graph_config(view, model)
        ops = {op.name: op for op in view.operations}
        self.name: str = model.name
        self.input_names: tuple[str, ...] = tuple(
            layer["name"] for layer in config["layers"] if not layer["inbound_nodes"]
        )
        self._input_configs = {
            layer["name"]: layer["config"]
            for layer in config["layers"]
            if not layer["inbound_nodes"]
        }
        self.calls, tensors = _sorted_calls(config, ops, view)
        self.inputs: Any = _map_history(config["input_layers"], tensors)
        self.outputs: Any = _map_history(config["output_layers"], tensors)
        self._last_use = self._last_uses()

    @property
    def ops(self) -> dict[str, keras.Operation]:
        """Name to operation, each once, in order of first call."""
        return {call.name: call.op for call in self.calls}

    @property
    def flat_inputs(self) -> tuple[Tensor, ...]:
        return tuple(_tensors(self.inputs))

    @property
    def flat_outputs(self) -> tuple[Tensor, ...]:
        return tuple(_tensors(self.outputs))

    def run(
        self,
        inputs: Any,
        apply: Callable[[Call, tuple, dict], Any] | None = None,
    ) -> Any:
        """Calls every operation in order.

        Args:
            inputs: Tensors in the structure of the model's inputs.
            apply: `apply(call, args, kwargs)` returns the outputs of that call, in the structure
                in which the operation returns them. `args` and `kwargs` are the call's arguments
                with tensors filled in. Defaults to `call.op(*args, **kwargs)`.

        Returns:
            The outputs, in the structure of the model's outputs.
        """
        values = dict(
            zip(
                (_key(t) for t in self.flat_inputs),
                keras.tree.flatten(inputs),
                strict=True,
            )
        )
        for call in self.calls:
            args, kwargs = _fill(call.args, values), _fill(call.kwargs, values)
            result = call.op(*args, **kwargs) if apply is None else apply(call, args, kwargs)
            for index, value in enumerate(keras.tree.flatten(result)):
                values[call.position, index] = value
            for key in self._last_use.get(call.position, ()):
                values.pop(key, None)
        return _fill(self.outputs, values)

    def symbolic_inputs(self) -> Any:
        """New `keras.Input` tensors like the model's own, in the same structure and names."""
        made = {}
        for index, tensor in enumerate(self.flat_inputs):
            config = dict(self._input_configs[self.input_order[index]])
            made[_key(tensor)] = keras.layers.InputLayer.from_config(config).output
        return _fill(self.inputs, made)

    @property
    def input_order(self) -> tuple[str, ...]:
        """Names of the model's inputs in the flattened order of its inputs."""
        return tuple(self.input_names[t.index] for t in self.flat_inputs)

    def _last_uses(self) -> dict[int, list[tuple[int, int]]]:
        last: dict[tuple[int, int], int] = {}
        for call in self.calls:
            for tensor in (*call.inputs, *call.outputs):
                last[_key(tensor)] = call.position
        for tensor in self.flat_outputs:
            last.pop(_key(tensor), None)
        released: dict[int, list[tuple[int, int]]] = {}
        for key, position in last.items():
            released.setdefault(position, []).append(key)
        return released


def functional_view(model: keras.Model) -> keras.Model:
    """A plain functional model over the same layers and nodes.

    Args:
        model: A functional or sequential model.

    Raises:
        ValueError: If the model is subclassed or not built.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            "Expected a built functional or sequential `keras.Model`. "
            f"Received: {model!r} (of type {type(model).__name__})."
        )
    sequential = isinstance(model, keras.Sequential)
    inputs = getattr(model, "inputs", None) if sequential else getattr(model, "input", None)
    if inputs is None or (isinstance(inputs, (list, tuple)) and not inputs):
        if sequential:
            raise ValueError(
                f"Model '{model.name}' is not built, so its channels are unknown. Give it a "
                "`keras.Input(shape)` as first layer, or call `model.build(input_shape)`."
            )
        raise ValueError(
            f"Model '{model.name}' (class {type(model).__name__}) is subclassed: its layers are "
            "connected by Python code, which cannot be read. Build it with the functional API: "
            "`inputs = keras.Input(shape); keras.Model(inputs, your_call(inputs))`."
        )
    outputs = model.outputs if sequential else model.output
    if sequential:
        inputs, outputs = inputs[0], outputs[0]
    return keras.Model(inputs, outputs, name=model.name)


def _graph_config(view: keras.Model, model: keras.Model) -> dict[str, Any]:
    try:
        return view.get_config()
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"Model '{model.name}' cannot be serialised, so its graph cannot be read. Give every "
            f"custom layer a `get_config` method. Keras said: {error}"
        ) from error


def _sorted_calls(config, ops, view):
    """Calls in topological order, and the table from keras_history to `Tensor`."""
    shapes = _known_shapes(config, view)
    input_names = [layer["name"] for layer in config["layers"] if not layer["inbound_nodes"]]
    tensors = {
        (name, 0, 0): Tensor(-1, index, *shapes[name, 0, 0])
        for index, name in enumerate(input_names)
    }
    pending = [
        (layer["name"], number, node)
        for layer in config["layers"]
        for number, node in enumerate(layer["inbound_nodes"])
    ]
    wanted = {}
    for history in shapes:
        wanted.setdefault(history[:2], []).append(history[2])
    calls = []
    while pending:
        waiting = []
        for name, number, node in pending:
            if any(h not in tensors for h in _histories(node)):
                waiting.append((name, number, node))
                continue
            position = len(calls)
            outputs = []
            for index in sorted(wanted.get((name, number), ())):
                tensor = Tensor(position, index, *shapes[name, number, index])
                tensors[name, number, index] = tensor
                outputs.append(tensor)
            calls.append(
                Call(
                    position,
                    ops[name],
                    tuple(_parse(node["args"], tensors)),
                    _parse(node["kwargs"], tensors),
                    tuple(outputs),
                )
            )
        if len(waiting) == len(pending):
            raise ValueError(f"The graph of the model has a cycle at '{waiting[0][0]}'.")
        pending = waiting
    return tuple(calls), tensors


def _known_shapes(config, view):
    shapes = {}
    for layer in config["layers"]:
        for node in layer["inbound_nodes"]:
            for tensor in _serialised_tensors(node):
                entry = tensor["config"]
                shapes[tuple(entry["keras_history"])] = (tuple(entry["shape"]), entry["dtype"])
    for key, structure in (("input_layers", view.inputs), ("output_layers", view.outputs)):
        # Histories are lists of three, which a plain flatten would take apart.
        for history, tensor in zip(_flat_histories(config[key]), structure, strict=True):
            shapes[history] = (tuple(tensor.shape), keras.backend.standardize_dtype(tensor.dtype))
    return shapes


def _is_history(value) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 3
        and isinstance(value[0], str)
        and all(isinstance(v, int) for v in value[1:])
    )


def _flat_histories(structure) -> Iterator[tuple[str, int, int]]:
    if _is_history(structure):
        yield tuple(structure)
    elif isinstance(structure, dict):
        # Keras flattens dicts in the order of their sorted keys.
        for key in sorted(structure):
            yield from _flat_histories(structure[key])
    else:
        for value in structure:
            yield from _flat_histories(value)


def _map_history(structure, tensors):
    if _is_history(structure):
        return tensors[tuple(structure)]
    if isinstance(structure, dict):
        return {key: _map_history(value, tensors) for key, value in structure.items()}
    return type(structure)(_map_history(value, tensors) for value in structure)


def _is_serialised_tensor(value) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _serialised_tensors(value) -> Iterator[dict]:
    if _is_serialised_tensor(value):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _serialised_tensors(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _serialised_tensors(item)


def _histories(node) -> list[tuple[str, int, int]]:
    return [tuple(t["config"]["keras_history"]) for t in _serialised_tensors(node)]


def _parse(value, tensors):
    if _is_serialised_tensor(value):
        return tensors[tuple(value["config"]["keras_history"])]
    if isinstance(value, dict):
        if "class_name" in value and "config" in value:
            return keras.saving.deserialize_keras_object(value)
        return {key: _parse(item, tensors) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_parse(item, tensors) for item in value)
    return value


def _key(tensor: Tensor) -> tuple[int, int]:
    return tensor.call, tensor.index


def _tensors(value) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from _tensors(value[key])
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def _fill(value, values):
    if isinstance(value, Tensor):
        return values[_key(value)]
    if isinstance(value, dict):
        return {key: _fill(item, values) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_fill(item, values) for item in value)
    return value
