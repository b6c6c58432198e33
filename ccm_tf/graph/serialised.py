"""From the serialised graph of a Keras model to calls in topological order."""

import heapq
from collections.abc import Callable, Iterator
from typing import Any

import keras

from ccm_tf.graph.calls import Call, Tensor
from ccm_tf.graph.recursion import with_deep_recursion


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
    return with_deep_recursion(lambda: keras.Model(inputs, outputs, name=model.name))


def graph_config(view: keras.Model, model: keras.Model) -> dict[str, Any]:
    """The config of a functional view, or a sentence on what keeps it from having one."""
    try:
        config = view.get_config()
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"Model '{model.name}' cannot be serialised, so its graph cannot be read. Give every "
            f"custom layer a `get_config` method. Keras said: {error}"
        ) from error
    # Keras counts the calls of a nested functional model from 1 here and from 0 everywhere else.
    nested = {op.name for op in view.operations if is_graph_model(op) and not _sequential(op)}
    for key in ("input_layers", "output_layers"):
        config[key] = map_history(
            config[key],
            lambda history: (history[0], history[1] - (history[0] in nested), history[2]),
        )
    return config


def is_graph_model(op: Any) -> bool:
    """Whether an operation is a model whose layers and connections can be read."""
    return isinstance(op, keras.Model) and (_sequential(op) or hasattr(op, "operations"))


def _sequential(op: Any) -> bool:
    return isinstance(op, keras.Sequential)


def sorted_calls(config, ops, view):
    """Calls in topological order, and the table from keras_history to `Tensor`."""
    shapes = _known_shapes(config, view)
    input_names = [layer["name"] for layer in config["layers"] if not layer["inbound_nodes"]]
    tensors = {
        (name, 0, 0): Tensor(-1, index, *shapes[name, 0, 0])
        for index, name in enumerate(input_names)
    }
    nodes = [
        (layer["name"], number, node)
        for layer in config["layers"]
        for number, node in enumerate(layer["inbound_nodes"])
    ]
    wanted: dict[tuple[str, int], list[int]] = {}
    for history in shapes:
        wanted.setdefault(history[:2], []).append(history[2])
    calls = []
    for name, number, node in _in_order(nodes, set(input_names)):
        position = len(calls)
        outputs = []
        for index in sorted(wanted.get((name, number), ())):
            tensor = Tensor(position, index, *shapes[name, number, index])
            tensors[name, number, index] = tensor
            outputs.append(tensor)
        calls.append(
            Call(
                position,
                name,
                ops[name],
                tuple(_parse(node["args"], tensors)),
                _parse(node["kwargs"], tensors),
                tuple(outputs),
            )
        )
    return tuple(calls), tensors


def _in_order(nodes: list[tuple], inputs: set[str]) -> Iterator[tuple]:
    """Nodes in topological order, as they are listed wherever that is possible."""
    missing: list[int] = []
    readers: dict[tuple[str, int], list[int]] = {}
    for place, (_, _, node) in enumerate(nodes):
        needs = {history[:2] for history in _histories(node) if history[0] not in inputs}
        missing.append(len(needs))
        for need in needs:
            readers.setdefault(need, []).append(place)
    ready = [place for place, count in enumerate(missing) if not count]
    done = 0
    while ready:
        place = heapq.heappop(ready)
        done += 1
        yield nodes[place]
        for reader in readers.get(nodes[place][:2], ()):
            missing[reader] -= 1
            if not missing[reader]:
                heapq.heappush(ready, reader)
    if done < len(nodes):
        stuck = next(nodes[place][0] for place, count in enumerate(missing) if count)
        raise ValueError(f"The graph of the model has a cycle at '{stuck}'.")


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


def map_history(structure: Any, replace: Callable[[tuple[str, int, int]], Any]) -> Any:
    """A nested structure of Keras histories with every history replaced."""
    if _is_history(structure):
        return replace(tuple(structure))
    if isinstance(structure, dict):
        return {key: map_history(value, replace) for key, value in structure.items()}
    return type(structure)(map_history(value, replace) for value in structure)


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
