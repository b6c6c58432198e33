"""Normalisations, exact where every channel is normalised by itself."""

import numpy as np
from keras import layers

from ccm_tf.graph.flow import Effect, Flow
from ccm_tf.graph.handlers.common import first_input, passthrough, same
from ccm_tf.graph.registry import register_frozen, register_handler
from ccm_tf.graph.trace import Call


@register_handler(layers.BatchNormalization)
def batch_normalization(call: Call, flow: Flow) -> Effect:
    """Four vectors with one entry per channel."""
    tensor = first_input(call)
    labels = flow.along(tensor, call.op.axis, call)
    if labels is None:
        return same(None)
    return same(
        flow.of(tensor),
        weights={name: (labels,) for name in ("gamma", "beta", "moving_mean", "moving_variance")},
        masked={"moving_variance": 1.0},
    )


@register_handler(layers.GroupNormalization)
def group_normalization(call: Call, flow: Flow) -> Effect:
    """Exact if every channel is a group of its own; groups of several are frozen."""
    tensor = first_input(call)
    labels = flow.along(tensor, call.op.axis, call)
    if labels is None:
        return same(None)
    groups = call.op.groups if call.op.groups != -1 else len(labels)
    if groups == len(labels):
        # Instance normalisation: the number of groups is the number of channels.
        config = {} if call.op.get_config()["groups"] == -1 else {"groups": labels}
        return same(flow.of(tensor), weights={"gamma": (labels,), "beta": (labels,)}, config=config)
    flow.freeze_if_exact(
        flow.of(tensor),
        f"'{call.name}' (GroupNormalization) normalises groups of channels together",
    )
    flow.unite_groups(labels, groups)
    return same(flow.of(tensor), weights={"gamma": (labels,), "beta": (labels,)})


@register_handler(layers.Rescaling)
def rescaling(call: Call, flow: Flow) -> Effect:
    """Elementwise for one scale; frozen for a scale per channel."""
    if np.ndim(call.op.scale) or np.ndim(call.op.offset):
        flow.freeze_inputs(call, f"'{call.name}' (Rescaling) has a scale per channel")
    return passthrough(call, flow)


@register_handler(layers.LayerNormalization, layers.RMSNormalization, layers.UnitNormalization)
def normalization_over_channels(call: Call, flow: Flow) -> Effect:
    """Removing some channels changes the others: only with `exact=False`."""
    tensor = first_input(call)
    axes = call.op.axis
    axes = [axes] if isinstance(axes, int) else list(axes)
    if len(axes) > 1:
        flow.freeze_inputs(call, f"'{call.name}' normalises over several axes together")
        return same(None)
    labels = flow.along(tensor, axes[0], call)
    if labels is None:
        return same(None)
    flow.freeze_if_exact(
        flow.of(tensor),
        f"'{call.name}' ({type(call.op).__name__}) normalises over channels together, so "
        "removing some would change the others",
    )
    own = [name for name in ("gamma", "beta", "scale") if getattr(call.op, name, None) is not None]
    weights = {name: (labels,) for name in own if hasattr(getattr(call.op, name), "assign")}
    return same(flow.of(tensor), weights=weights)


register_frozen("holds statistics of the model's input", layers.Normalization)
