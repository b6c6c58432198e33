"""From a plan to a slimmer model."""

from typing import Any

import keras
import numpy as np

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.flow import Effect, Kept
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.replicas import scope_of


def rewrite(model: keras.Model, plan: PruningPlan) -> keras.Model:
    """Builds the slim model: the same layers with only the channels that the plan keeps.

    Every weight that a removed channel indexes is sliced: kernels on both sides, biases, batch
    normalisation with its moving statistics, the rows of a dense layer behind a flatten. The
    result is an ordinary functional model of ordinary layers with the same names; it saves,
    trains and exports like any other. The original is left untouched, and nothing of its
    compiled state (optimizer, loss, metrics) is carried over.

    With nothing to drop the outputs are bit-identical to the original's. Otherwise they equal
    those of `ccm_tf.mask(model, plan)` up to rounding.

    Args:
        model: The model that the plan was made for.
        plan: A `PruningPlan`.

    Returns:
        A new `keras.Model`.

    Raises:
        ValueError: If the plan belongs to another model or contradicts itself.

    Example:

    ```python
    plan = ccm_tf.plan(model, "pca", images, macs=0.5)
    slim = ccm_tf.rewrite(model, plan)
    slim.compile("adam", "sparse_categorical_crossentropy")
    ```
    """
    graph = ChannelGraph(model)
    kept = graph.kept(plan.root_mask(graph))
    with scope_of(model):
        return build(graph, kept)


def build(graph: ChannelGraph, kept: Kept) -> keras.Model:
    """Rebuilds a graph with some of its channels.

    Args:
        graph: The graph of the model to rebuild.
        kept: Function from labels to booleans: which channels stay.
    """
    ops: dict[str, Any] = {}

    def apply(call, args, kwargs):
        effect = graph.effects[call.position]
        if call.name not in ops:
            ops[call.name] = _slim_op(call.name, call.op, effect, kept)
        op = ops[call.name]
        if effect.rebuild is not None:
            return effect.rebuild(op, args, kwargs, kept)
        return op(*args, **kwargs)

    inputs = graph.trace.symbolic_inputs()
    outputs = graph.trace.run(inputs, apply)
    model = keras.Model(inputs, outputs, name=graph.trace.name)
    _copy_weights(graph, kept, ops)
    return model


def _slim_op(name: str, op: Any, effect: Effect, kept: Kept) -> Any:
    if isinstance(op, keras.layers.Lambda):
        # Its Python function cannot be rebuilt from a config; it has no weights to separate.
        return op
    config = {**op.get_config(), "name": name}
    for key, value in effect.config.items():
        config[key] = value(kept) if callable(value) else int(np.count_nonzero(kept(value)))
    try:
        return type(op).from_config(_without_shapes(config))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Layer '{op.name}' ({type(op).__name__}) cannot be rebuilt from its config. Make "
            "its `get_config` and `from_config` complete, and open a "
            "`keras.saving.custom_object_scope` for functions that it uses. "
            f"Keras said: {error}"
        ) from error


def _without_shapes(config: Any) -> Any:
    """A config without the shapes for which layers inside the layer were built."""
    if isinstance(config, dict):
        return {k: _without_shapes(v) for k, v in config.items() if k != "build_config"}
    return config


def _copy_weights(graph: ChannelGraph, kept: Kept, ops: dict[str, Any]) -> None:
    for call in graph.trace.calls:
        new = ops[call.name]
        if new is call.op or not getattr(new, "weights", None):
            continue
        axes_of = {id(w.variable): w.axes for w in graph.weights_of(call.position)}
        for source, target in zip(call.op.weights, new.weights, strict=True):
            value = _sliced(source, axes_of.get(id(source), ()), kept)
            if tuple(value.shape) != tuple(target.shape):
                raise ValueError(
                    f"Weight '{source.path}' of layer '{call.name}' would get shape "
                    f"{tuple(value.shape)}, but the rebuilt layer wants {tuple(target.shape)}. "
                    "The handler of this layer names the wrong axes."
                )
            target.assign(value)


def _sliced(variable: Any, axes: tuple[np.ndarray | None, ...], kept: Kept) -> np.ndarray:
    value = keras.ops.convert_to_numpy(variable)
    for axis, labels in enumerate(axes):
        if labels is not None:
            stays = kept(labels)
            if not stays.all():
                value = np.compress(stays, value, axis=axis)
    return value
