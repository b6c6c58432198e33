"""From tf_keras to Keras 3."""

from typing import Any

import keras
import numpy as np

from ccm_tf.tfmot.activations import split_off
from ccm_tf.tfmot.configs import policy_name, rebuilt
from ccm_tf.tfmot.operations import OPERATION_FOR
from ccm_tf.tfmot.to_tf_keras import import_tf_keras
from ccm_tf.tfmot.weights import carry_over, check_same

_TWINS = {"SyncBatchNormalization": "BatchNormalization"}


def from_tf_keras(model: Any) -> keras.Model:
    """Rebuilds a model of tf_keras with the layers of Keras 3, with the same weights.

    The way in for legacy models, which ccm_tf then prunes as any other. The result is checked
    against the original on random inputs.

    Args:
        model: A built functional or sequential `tf_keras.Model`. Models that tfmot wrapped come
            in after its `strip_pruning` or `strip_clustering`.

    Returns:
        A functional `keras.Model` with layers of the same names, not compiled.

    Raises:
        ImportError: If tf_keras is not installed.
        ValueError: If the model is not functional or sequential, or has a layer, a setting or an
            operation that Keras 3 lacks.

    Example:

    ```python
    model = ccm_tf.tfmot.from_tf_keras(tf_keras.models.load_model("legacy.h5"))
    slim = ccm_tf.rewrite(model, ccm_tf.plan(model, "magnitude", macs=0.5))
    ```
    """
    tf_keras = import_tf_keras()
    made = _rebuilt(tf_keras, model)
    _check(model, made)
    return made


def _rebuilt(tf_keras: Any, model: Any) -> keras.Model:
    if isinstance(model, tf_keras.Sequential) and model.inputs:
        model = tf_keras.Model(model.inputs, model.outputs, name=model.name)
    open_ended = isinstance(model, tf_keras.Sequential)
    if open_ended or not isinstance(model, tf_keras.Model) or not hasattr(model, "input_names"):
        raise ValueError(
            "Expected a built functional or sequential `tf_keras.Model`. "
            f"Received: {model!r} (of type {type(model).__module__}.{type(model).__name__})."
        )
    try:
        config = model.get_config()
    except NotImplementedError as error:
        raise ValueError(
            f"Model '{model.name}' has no graph to read: it is subclassed, or a layer has no "
            f"`get_config`. tf_keras said: {error}"
        ) from error
    if "layers" not in config or "output_layers" not in config:
        raise ValueError(f"Model '{model.name}' is subclassed: it has no graph to read.")
    return _Rebuilt(tf_keras, model, config).model


class _Rebuilt:
    """Calls the twins of a model's layers in the order that the calls need."""

    def __init__(self, tf_keras: Any, model: Any, config: dict):
        self._tf_keras = tf_keras
        self._source = model
        self._twins: dict[str, Any] = {}
        self._tensors: dict[tuple, Any] = {}
        pending = []
        first = _first_numbers(config)
        for entry in config["layers"]:
            if entry["class_name"] == "InputLayer":
                self._tensors[entry["name"], 0, 0] = _input(entry)
            for number, node in enumerate(entry["inbound_nodes"], first.get(entry["name"], 0)):
                pending.append((entry, number, node))
        while pending:
            waiting = []
            for entry, number, node in pending:
                if self._ready(node):
                    self._call(entry, number, node)
                else:
                    waiting.append((entry, number, node))
            if len(waiting) == len(pending):
                raise ValueError(f"The graph of model '{model.name}' has a cycle.")
            pending = waiting
        ends = [self._filled(config[key]) for key in ("input_layers", "output_layers")]
        self.model = keras.Model(*map(_alone, ends), name=model.name)
        for name, (twin, _) in self._twins.items():
            if not isinstance(twin, keras.Model):
                carry_over(name, model.get_layer(name).weights, list(map(_Target, twin.weights)))

    def _ready(self, value: Any) -> bool:
        if _is_history(value):
            return tuple(value[:3]) in self._tensors and all(map(self._ready, value[3:]))
        if isinstance(value, dict):
            return all(map(self._ready, value.values()))
        return not isinstance(value, (list, tuple)) or all(map(self._ready, value))

    def _filled(self, value: Any) -> Any:
        if _is_history(value):
            return self._tensors[tuple(value[:3])]
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._filled(item) for item in value]
        return value

    def _call(self, entry: dict, number: int, node: Any) -> None:
        if _is_history(node):
            node = [node]
        first = [self._filled(item) for item in node]
        extra = node[0][3] if _is_history(node[0]) and len(node[0]) > 3 else {}
        kwargs = {key: self._filled(value) for key, value in extra.items() if key != "name"}
        if entry["class_name"] in ("TFOpLambda", "SlicingOpLambda"):
            result = _operation(entry, first, kwargs)
        else:
            given = {key: value for key, value in kwargs.items() if value is not None}
            twin, activation = self._twin(entry)
            result = twin(first[0] if len(first) == 1 else first, **given)
            if activation is not None:
                result = activation(result, f"{entry['name']}_{number}")
        for index, tensor in enumerate(keras.tree.flatten(result)):
            self._tensors[entry["name"], number, index] = tensor

    def _twin(self, entry: dict) -> Any:
        name = entry["name"]
        if name not in self._twins:
            layer = self._source.get_layer(name)
            nested = isinstance(layer, self._tf_keras.Model)
            self._twins[name] = (
                (_rebuilt(self._tf_keras, layer), None) if nested else _layer(self._tf_keras, layer)
            )
        return self._twins[name]


class _Target:
    """A Keras 3 variable with the name that tf_keras would give it."""

    def __init__(self, variable: Any):
        self.name, self.shape, self.assign = variable.name, variable.shape, variable.assign


def _first_numbers(config: dict) -> dict[str, int]:
    """The number of each layer's first call: 1 for models, whose call 0 is their own making."""
    found: dict[str, int] = {}

    def look(value: Any) -> None:
        if _is_history(value):
            found[value[0]] = min(value[1], found.get(value[0], value[1]))
            look(list(value[3:]))
        elif isinstance(value, dict):
            for item in value.values():
                look(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                look(item)

    look([entry["inbound_nodes"] for entry in config["layers"]])
    look(config["output_layers"])
    return found


def _alone(values: Any) -> Any:
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def _is_history(value: Any) -> bool:
    """A tensor in a config: name of a layer, number of its call, number of its output."""
    return (
        isinstance(value, (list, tuple))
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and all(isinstance(number, int) for number in value[1:3])
    )


def _input(entry: dict) -> Any:
    config = entry["config"]
    shape = config.get("batch_input_shape") or config.get("batch_shape")
    return keras.Input(batch_shape=shape, dtype=config["dtype"], name=entry["name"])


def _layer(tf_keras: Any, layer: Any) -> tuple[Any, Any]:
    name = type(layer).__name__
    kind = getattr(keras.layers, _TWINS.get(name, name), None)
    if kind is None or not type(layer).__module__.startswith("tf_keras."):
        raise ValueError(
            f"Layer '{layer.name}' is a {name}, which Keras 3 does not have. Models that tfmot "
            "wrapped are unwrapped with its `strip_pruning` or `strip_clustering`."
        )

    config, activation = split_off(layer.get_config(), keras)
    return rebuilt(config, type(layer), kind, tf_keras, keras), activation


def _operation(entry: dict, first: list, kwargs: dict) -> Any:
    if entry["class_name"] == "SlicingOpLambda":
        return first[0][_key(kwargs["slice_spec"])]
    function = entry["config"]["function"]
    if function not in OPERATION_FOR:
        raise ValueError(
            f"'{entry['name']}' is tf.{function}, which is not converted. Those that are: "
            f"{', '.join(sorted(OPERATION_FOR))}."
        )
    if function == "concat":
        return OPERATION_FOR[function](first, **kwargs)
    if "y" in kwargs:
        return OPERATION_FOR[function](first[0], kwargs["y"])
    return OPERATION_FOR[function](first[0], **kwargs)


def _key(spec: Any) -> Any:
    """`x[:, 1:3]` as tf_keras writes it into configs."""
    return tuple(
        slice(one["start"], one["stop"], one["step"]) if isinstance(one, dict) else one
        for one in spec
    )


def _check(model: Any, made: keras.Model) -> None:
    if any(policy_name(getattr(layer, "dtype_policy", None)) != "float32" for layer in made.layers):
        return

    def theirs(arrays: list) -> list:
        result = model(_like(model.input, arrays), training=False)
        return [np.asarray(value) for value in keras.tree.flatten(result)]

    def ours(arrays: list) -> list:
        result = made(_like(made.input, arrays), training=False)
        return [keras.ops.convert_to_numpy(value) for value in keras.tree.flatten(result)]

    inputs = [(tuple(t.shape), keras.backend.standardize_dtype(t.dtype)) for t in made.inputs]
    check_same(inputs, theirs, ours)


def _like(structure: Any, arrays: list) -> Any:
    return keras.tree.pack_sequence_as(structure, arrays)
