"""The operations of a model with some of its channels, made as they are called."""

import tempfile
from typing import Any

import keras
import numpy as np

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.calls import Call
from ccm_tf.graph.flow import Effect, Kept
from ccm_tf.graph.recursion import with_deep_recursion
from ccm_tf.prefilled import Prefilled


class SlimCopy:
    """A copy of a graph's operations in which only some channels are left.

    Args:
        graph: The graph of the model to copy.
        kept: Function from labels to booleans: which channels stay.

    Attributes:
        ops: Name to new operation.
        model: The new `keras.Model`, with the sliced weights of the old one.
    """

    def __init__(self, graph: ChannelGraph, kept: Kept):
        self.graph = graph
        self.kept = kept
        self.ops: dict[str, Any] = {}
        self._prefilled: dict[str, Prefilled] = {}
        inputs = graph.trace.symbolic_inputs()
        outputs = graph.trace.run(inputs, self.apply)
        self.model = with_deep_recursion(
            lambda: keras.Model(inputs, outputs, name=graph.trace.name)
        )
        self._copy_weights()

    def apply(self, call: Call, args: tuple, kwargs: dict) -> Any:
        """Does in the slim graph what a call does in the dense one; `Trace.run` takes it."""
        effect = self.graph.effects[call.position]
        if call.name not in self.ops:
            self.ops[call.name] = self._slim_op(call, effect)
        op = self.ops[call.name]
        if effect.rebuild is not None:
            return effect.rebuild(op, args, kwargs, self.kept)
        return op(*args, **kwargs)

    def _slim_op(self, call: Call, effect: Effect) -> Any:
        op = call.op
        if isinstance(op, keras.layers.Lambda):
            # Its Python function cannot be rebuilt from a config; it has no weights to separate.
            return op
        config = {**op.get_config(), "name": call.name}
        for key, value in effect.config.items():
            if callable(value):
                config[key] = value(self.kept)
            else:
                config[key] = int(np.count_nonzero(self.kept(value)))
        prefilled = Prefilled(config, op, self._sliced_weights(call))
        self._prefilled[call.name] = prefilled
        try:
            return type(op).from_config(_without_shapes(prefilled.config))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Layer '{op.name}' ({type(op).__name__}) cannot be rebuilt from its config. Make "
                "its `get_config` and `from_config` complete, and open a "
                "`keras.saving.custom_object_scope` for functions that it uses. "
                f"Keras said: {error}"
            ) from error

    def _sliced_weights(self, call: Call) -> dict[int, np.ndarray]:
        axes_of = {id(w.variable): w.axes for w in self.graph.weights_of(call.position)}
        return {
            id(source): sliced(source, axes_of.get(id(source), ()), self.kept)
            for source in getattr(call.op, "weights", ())
        }

    def _copy_weights(self) -> None:
        done = set()
        for call in self.graph.trace.calls:
            new = self.ops[call.name]
            if call.name in done or call.name not in self._prefilled:
                continue
            done.add(call.name)
            prefilled = self._prefilled.pop(call.name)
            prefilled.restore(new)
            if not self.graph.effects[call.position].weights:
                _copy_state(call.op, new)
            if len(prefilled.taken) == len(getattr(call.op, "weights", ())):
                continue
            values = self._sliced_weights(call)
            for source, target in zip(call.op.weights, new.weights, strict=True):
                if id(source) not in prefilled.taken:
                    _assign(call, source, target, values[id(source)])


def _copy_state(source: Any, target: Any) -> None:
    """What a layer keeps besides plain weights: statistics in use, vocabularies.

    Normalization computes with constants that it derives from its weights when these are loaded;
    assigning the weights alone would leave the copy without normalisation.
    """
    kind, plain = type(source), keras.Layer
    if not isinstance(source, plain) or isinstance(source, keras.Model):
        return
    if kind.load_own_variables is not plain.load_own_variables and source.weights:
        store: dict[str, Any] = {}
        source.save_own_variables(store)
        target.load_own_variables(store)
    if getattr(kind, "load_assets", None) is not getattr(plain, "load_assets", None):
        with tempfile.TemporaryDirectory() as folder:
            source.save_assets(folder)
            target.load_assets(folder)


def _assign(call: Call, source: Any, target: Any, value: np.ndarray) -> None:
    if tuple(value.shape) != tuple(target.shape):
        raise ValueError(
            f"Weight '{source.path}' of layer '{call.name}' would get shape "
            f"{tuple(value.shape)}, but the rebuilt layer wants "
            f"{tuple(target.shape)}. The handler of this layer names the wrong axes."
        )
    target.assign(value)


def _without_shapes(config: Any) -> Any:
    """A config without the shapes for which layers inside the layer were built."""
    if isinstance(config, dict):
        return {k: _without_shapes(v) for k, v in config.items() if k != "build_config"}
    return config


def sliced(variable: Any, axes: tuple[np.ndarray | None, ...], kept: Kept) -> np.ndarray:
    """The value of a variable with only the kept slices along its labelled axes."""
    value = keras.ops.convert_to_numpy(variable)
    for axis, labels in enumerate(axes):
        if labels is not None:
            stays = kept(labels)
            if not stays.all():
                value = np.compress(stays, value, axis=axis)
    return value
