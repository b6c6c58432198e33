"""Making a model that is being trained smaller in place, without a jump.

The only file that reaches into a model's attributes: a `fit` that runs holds on to its model, so
the model has to become the slim one. It uses no names of Keras's own; the test beside it says when
that no longer works.
"""

from typing import Any

import keras
import numpy as np

from ccm_tf.gradual.slots import slots_of
from ccm_tf.graph import ChannelGraph
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.replicas import scope_of
from ccm_tf.slim import SlimCopy, sliced


def check_compactable(model: keras.Model) -> None:
    """Raises a `ValueError` unless a model may become another one in place."""
    if type(model) not in (type(_tiny(keras.Model)), keras.Sequential):
        raise ValueError(
            f"Model '{model.name}' is a {type(model).__name__}: what that class adds to a plain "
            "functional model would be lost in compaction. Leave `compact_every` out, or train a "
            "plain `keras.Model`."
        )


def compact(model: keras.Model, plan: PruningPlan) -> None:
    """Turns a model into its slim version, in place; training goes on where it was.

    Weights and what the optimizer remembers of each are sliced; iterations and learning rate stay.
    Loss, metrics and everything else that was compiled stay as they are.

    Args:
        model: A functional or sequential model, compiled.
        plan: What stays. Channels that go should be masked already, or the function changes.
    """
    graph = ChannelGraph(model, plan.exact)
    kept = graph.kept(plan.root_mask(graph))
    with scope_of(model):
        copy = SlimCopy(graph, kept)
        twins = _twins(graph, copy)
        optimizer = _sliced_optimizer(model, copy, twins, kept)
    _become(model, copy.model)
    model.optimizer = optimizer
    for make in ("make_train_function", "make_test_function", "make_predict_function"):
        getattr(model, make)(force=True)


def _twins(graph: ChannelGraph, copy: SlimCopy) -> dict[int, tuple[Any, tuple]]:
    """Id of each new variable to the old one and the labels along its axes."""
    twins = {}
    for call in graph.trace.calls:
        axes = {id(w.variable): w.axes for w in graph.weights_of(call.position)}
        olds = getattr(call.op, "weights", ())
        for old, new in zip(olds, getattr(copy.ops[call.name], "weights", ()), strict=True):
            twins[id(new)] = (old, axes.get(id(old), ()))
    return twins


def _sliced_optimizer(model: keras.Model, copy: SlimCopy, twins: dict, kept: Any) -> Any:
    old = model.optimizer
    new = type(old).from_config(old.get_config())
    weights = copy.model.trainable_variables
    new.build(weights)
    before = {(s.weight, s.kind): s.variable for s in slots_of(old, model.trainable_variables)}
    place_of = {id(variable): place for place, variable in enumerate(model.trainable_variables)}
    done = set()
    for slot in slots_of(new, weights):
        weight, axes = twins[id(weights[slot.weight])]
        value = before[place_of[id(weight)], slot.kind]
        fits = tuple(value.shape) == tuple(weight.shape)
        if not fits and tuple(value.shape) != tuple(slot.variable.shape):
            raise ValueError(
                f"The optimizer '{old.name}' keeps '{slot.kind}' of shape {tuple(value.shape)} for "
                f"a weight of shape {tuple(weight.shape)}, which cannot be sliced along. Leave "
                "`compact_every` out, or use another optimizer."
            )
        slot.variable.assign(sliced(value, axes if fits else (), kept))
        done.add(id(slot.variable))
    rest = [v for v in old.variables if id(v) not in {id(s) for s in before.values()}]
    for target, source in zip([v for v in new.variables if id(v) not in done], rest, strict=True):
        # A copy: on JAX two variables would share one buffer, which training gives away.
        target.assign(np.array(keras.ops.convert_to_numpy(source)))
    return new


def _become(model: keras.Model, slim: keras.Model) -> None:
    """Gives a model the graph of another, and keeps what it was compiled with."""
    compiled = _set_by_compile()
    graph = {name: value for name, value in vars(slim).items() if name not in compiled}
    stale = set(vars(_tiny(type(model)))) - set(graph) - compiled
    model.__class__ = type(slim)
    for name in stale:
        vars(model).pop(name, None)
    vars(model).update(graph)


def _set_by_compile() -> set[str]:
    """The names of attributes that compiling sets, found by compiling a tiny model."""
    model = _tiny(keras.Model)
    before = dict(vars(model))
    other = {"run_eagerly": True, "steps_per_execution": 1000, "jit_compile": False}
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"], **other)
    after = vars(model)
    return {name for name in after if after[name] is not before.get(name, model)}


def _tiny(kind: type) -> keras.Model:
    inputs = keras.Input((1,), name="inputs")
    layer = keras.layers.Identity(name="outputs")
    if issubclass(kind, keras.Sequential):
        return keras.Sequential([inputs, layer], name="tiny")
    return keras.Model(inputs, layer(inputs), name="tiny")
