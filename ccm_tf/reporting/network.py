"""A network as something to draw: the layers with kernels, where they meet, and their widths."""

from collections.abc import Mapping
from typing import Any

import keras

from ccm_tf.graph import ChannelGraph, Trace
from ccm_tf.graph.calls import Call, Tensor, key_of
from ccm_tf.graph.flow import Effect
from ccm_tf.graph.handlers.common import channel_axis


def network_of(graph: ChannelGraph, after: keras.Model) -> dict[str, Any]:
    """The drawing of a model and of what became of it.

    Layers that neither make channels nor bring tensors together (normalisation, activations,
    pooling) are left out; edges lead through them.

    Args:
        graph: The graph of the dense model.
        after: The slim model; layers are found in it by their names.

    Returns:
        `nodes`, in order of execution, each with `name`, `kind`, `width`, `kept`, `frozen` and
        `size` (height and width of the feature maps; empty where there are none), and `edges`,
        pairs of places of nodes.
    """
    slim = {call.name: call for call in Trace(after).calls}
    nodes: list[dict[str, Any]] = []
    edges: list[tuple[int, int]] = []
    sources: dict[tuple[int, int], tuple[int, ...]] = {}
    for tensor, name in zip(graph.trace.flat_inputs, graph.trace.input_order, strict=True):
        sources[key_of(tensor)] = (len(nodes),)
        nodes.append(_input(name, tensor))
    for call, effect in zip(graph.trace.calls, graph.effects, strict=True):
        came = tuple(dict.fromkeys(s for t in call.inputs for s in sources.get(key_of(t), ())))
        if effect.macs or effect.produces is not None or len(came) > 1:
            edges += [(source, len(nodes)) for source in came]
            came = (len(nodes),)
            nodes.append(_node(graph, call, effect, slim))
        sources |= {key_of(tensor): came for tensor in call.outputs}
    return {"nodes": nodes, "edges": [list(edge) for edge in edges]}


def kept_widths(graph: ChannelGraph, after: keras.Model) -> dict[str, int]:
    """How many channels the layers have in a slim model, found by their names.

    Args:
        graph: The graph of the dense model.
        after: The slim model.

    Raises:
        ValueError: If the models have no layer in common, or a layer has grown.
    """
    slim = {call.name: call for call in Trace(after).calls}
    made = {p.name: len(p.roots) for p in graph.producers}
    calls = {call.name: call for call in graph.trace.calls if call.name in made}
    kept = {}
    for name, call in calls.items():
        if name in slim:
            dense, now = (_width(c, _axis(graph, call)) for c in (call, slim[name]))
            # Heads of attention are channels that no output shows.
            kept[name] = made[name] if dense != made[name] else now
    if not kept:
        raise ValueError(
            f"Model '{after.name}' has no layer in common with '{graph.trace.name}', so there is "
            "nothing to compare. Pass the model that was pruned, and what it became."
        )
    for name, width in kept.items():
        if width > made[name]:
            raise ValueError(
                f"Layer '{name}' has {width} channels in the model after pruning and "
                f"{made[name]} before. Pass the larger model first."
            )
    return kept


def _input(name: str, tensor: Tensor) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "Input",
        "width": tensor.shape[-1] or 1,
        "kept": tensor.shape[-1] or 1,
        "frozen": False,
        "size": [size for size in tensor.shape[1:-1] if size],
    }


def _node(
    graph: ChannelGraph, call: Call, effect: Effect, slim: Mapping[str, Call]
) -> dict[str, Any]:
    shape, axis = call.outputs[0].shape, _axis(graph, call)
    width = _width(call, axis)
    kept = _width(slim.get(call.name, call), axis)
    channels = graph.channels_of(call.outputs[0])
    frozen = channels is None or bool(graph.is_frozen(graph.roots_of(channels.labels)).all())
    return {
        "name": call.name,
        "kind": type(call.op).__name__,
        "width": width,
        "kept": kept,
        "frozen": frozen,
        "merge": not effect.macs and effect.produces is None,
        "size": [size for place, size in enumerate(shape) if place not in (0, axis) and size],
    }


def _width(call: Call, axis: int) -> int:
    """How many channels a call's output has; 1 where that is not known."""
    return call.outputs[0].shape[axis] or 1


def _axis(graph: ChannelGraph, call: Call) -> int:
    """The axis of the channels of a call's output, counted from the front."""
    channels = graph.channels_of(call.outputs[0])
    if channels is not None:
        return channels.axis
    return channel_axis(call.op) % len(call.outputs[0].shape)
