"""From Keras 3 to tf_keras."""

from typing import Any

import keras
import numpy as np

from ccm_tf.graph.calls import Call
from ccm_tf.graph.registry import is_keras_operation
from ccm_tf.graph.trace import Trace
from ccm_tf.tfmot.activations import split_off
from ccm_tf.tfmot.configs import policy_name, rebuilt
from ccm_tf.tfmot.operations import LAYER_FOR
from ccm_tf.tfmot.weights import carry_over, check_same


def to_tf_keras(model: keras.Model) -> Any:
    """Rebuilds a model with the layers of tf_keras, with the same weights.

    The way on to what tensorflow-model-optimization does: quantisation-aware training, weight
    clustering, sparse weights. Raw operations become layers where tf_keras has one, since tfmot
    knows layers only. The result is checked against the original on random inputs.

    Args:
        model: A functional or sequential Keras 3 model, on any backend. Models among its layers
            are inlined.

    Returns:
        A functional `tf_keras.Model` with layers of the same names, not compiled.

    Raises:
        ImportError: If tf_keras is not installed.
        ValueError: If the model has a layer, a setting or an operation that tf_keras lacks.

    Example:

    ```python
    legacy = ccm_tf.tfmot.to_tf_keras(slim)

    import tensorflow_model_optimization as tfmot

    quantised = tfmot.quantization.keras.quantize_model(legacy)
    ```
    """
    tf_keras = import_tf_keras()
    trace = Trace(model)
    made: dict[str, Any] = {}
    inputs = keras.tree.map_structure(lambda tensor: _input(tf_keras, trace, tensor), trace.inputs)

    def apply(call: Call, args: tuple, kwargs: dict) -> Any:
        if not isinstance(call.op, keras.Layer):
            return _operation(tf_keras, call, args, kwargs)
        if call.name not in made:
            made[call.name] = _layer(tf_keras, call)
        layer, activation = made[call.name]
        result = layer(*args, **{key: value for key, value in kwargs.items() if value is not None})
        if activation is None:
            return result
        return activation(result, f"{call.name}_{call.position}")

    outputs = trace.run(inputs, apply)
    legacy = tf_keras.Model(inputs, outputs, name=model.name)
    for name, (layer, _) in made.items():
        carry_over(name, [_Plain(v) for v in trace.ops[name].weights], layer.weights)
    _check(model, trace, legacy)
    return legacy


class _Plain:
    """A Keras 3 variable as tf_keras shows its own: a name and a value."""

    def __init__(self, variable: Any):
        self.name = variable.name
        self._variable = variable

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(keras.ops.convert_to_numpy(self._variable), dtype)


def import_tf_keras() -> Any:
    """tf_keras, or a sentence on how to get it."""
    try:
        import tf_keras
    except ImportError as error:
        raise ImportError(
            "tf_keras is not installed: `pip install 'ccm-tf[tfmot]'`, or "
            "`pip install tf_keras tensorflow-model-optimization`."
        ) from error
    return tf_keras


def _input(tf_keras: Any, trace: Trace, tensor: Any) -> Any:
    name = trace.input_names[tensor.index]
    shape = tensor.shape
    return tf_keras.Input(shape[1:], batch_size=shape[0], dtype=tensor.dtype, name=name)


def _layer(tf_keras: Any, call: Call) -> tuple[Any, Any]:
    op = call.op
    kind = getattr(tf_keras.layers, type(op).__name__, None)
    if kind is None or not is_keras_operation(op):
        raise ValueError(
            f"Layer '{call.name}' is a {type(op).__name__}, which tf_keras does not have. Replace "
            "it by layers of Keras itself."
        )

    config, activation = split_off({**op.get_config(), "name": call.name}, tf_keras)
    return rebuilt(config, type(op), kind, keras, tf_keras), activation


def _operation(tf_keras: Any, call: Call, args: tuple, kwargs: dict) -> Any:
    name = type(call.op).__name__
    if name not in LAYER_FOR or not is_keras_operation(call.op):
        raise ValueError(
            f"'{call.name}' is the operation {name}, for which tf_keras has no layer. Those that "
            f"can be converted: {', '.join(sorted(LAYER_FOR))}."
        )
    return LAYER_FOR[name](tf_keras, call, args, kwargs)


def _check(model: keras.Model, trace: Trace, legacy: Any) -> None:
    if any(
        policy_name(getattr(op, "dtype_policy", None)) != "float32" for op in trace.ops.values()
    ):
        # Half precision rounds differently on either side.
        return

    def ours(arrays: list) -> list:
        given = keras.tree.pack_sequence_as(trace.inputs, arrays)
        result = trace.run(keras.tree.map_structure(keras.ops.convert_to_tensor, given))
        return [keras.ops.convert_to_numpy(value) for value in keras.tree.flatten(result)]

    def theirs(arrays: list) -> list:
        result = legacy(keras.tree.pack_sequence_as(trace.inputs, arrays), training=False)
        return [np.asarray(value) for value in keras.tree.flatten(result)]

    check_same([(t.shape, t.dtype) for t in trace.flat_inputs], ours, theirs)
