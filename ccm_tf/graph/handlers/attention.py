"""Attention: whole heads are pruned; Embedding makes the stream they work on."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import layers

from ccm_tf.graph.flow import Channels, Effect, Flow, Macs, positions
from ccm_tf.graph.handlers.common import width_of
from ccm_tf.graph.registry import handler_for, register_frozen, register_handler
from ccm_tf.graph.trace import Call, Tensor


@register_handler(layers.Embedding)
def embedding(call: Call, flow: Flow) -> Effect:
    """A row of the table holds one value per channel."""
    outputs = flow.produce(call, call.op.output_dim)
    return Effect(
        [Channels(outputs, len(call.outputs[0].shape) - 1)],
        weights={"embeddings": (None, outputs)},
        config={"output_dim": outputs},
        produces=outputs,
    )


@register_handler(layers.MultiHeadAttention)
def multi_head_attention(call: Call, flow: Flow) -> Effect:
    """Reads query, value and key; a channel that it makes is a whole head.

    The output is as wide as the query, so their channels are one and the same.
    """
    op = call.op
    config = op.get_config()
    query, value, key = _operands(call)
    heads = flow.produce(call, op.num_heads)
    labels = {name: flow.along(t, -1, call) for name, t in _named(query, value, key).items()}
    weights: dict[str, tuple[np.ndarray | None, ...]] = {}
    for name in ("query", "key", "value"):
        weights[f"{name}_dense.kernel"] = (labels[name], heads, None)
        weights[f"{name}_dense.bias"] = (heads, None)
    stream = labels["query"]
    if stream is not None and config["output_shape"] is not None:
        flow.labels.freeze(stream, f"'{call.name}' has an output shape of its own")
    weights["output_dense.kernel"] = (heads, None, stream)
    weights["output_dense.bias"] = (stream,)
    return Effect(
        _results(call, flow, stream, heads),
        weights=weights,
        config={"num_heads": heads},
        macs=_attention_macs(op, (query, value, key), labels, heads),
        reads=_reads(labels),
        produces=heads,
    )


def _keep_as_wide(call: Call, flow: Flow, query: Tensor, value: Tensor) -> None:
    """Keras wants queries and values of the same width here: they lose the same channels."""
    first, second = flow.of(query), flow.of(value)
    if first is not None and second is not None:
        flow.labels.unite(first.labels, second.labels)
        return
    for channels in (first, second):
        flow.freeze(channels, f"'{call.name}' gets others beside them that must stay")


def _operands(call: Call) -> tuple[Tensor, Tensor, Tensor]:
    named: dict[str, Any] = dict(zip(("query", "value", "key"), call.args, strict=False))
    named.update({k: v for k, v in call.kwargs.items() if isinstance(v, Tensor)})
    query, value = named["query"], named["value"]
    key = named.get("key")
    return query, value, key if isinstance(key, Tensor) else value


def _named(query: Tensor, value: Tensor, key: Tensor) -> dict[str, Tensor]:
    return {"query": query, "value": value, "key": key}


def _attention_macs(op, operands, labels, heads) -> tuple[Macs, ...]:
    widths = _widths(operands, labels)
    return _macs_of_heads(operands, widths, (heads, heads), (op.key_dim, op.value_dim))


def _widths(operands, labels) -> tuple[np.ndarray | int, ...]:
    """Labels of query, value and key, or their number where they are not followed."""
    named = zip(("query", "value", "key"), operands, strict=True)
    return tuple(width_of(t, -1) if labels[n] is None else labels[n] for n, t in named)


def _macs_of_heads(operands, widths, heads, sizes) -> tuple[Macs, ...]:
    """Projections, scores, mixture and output; `heads` of queries and of keys and values."""
    query, value, key = (positions(t.shape, 1, -1) for t in operands)
    queries, pairs = heads
    key_dim, value_dim = sizes
    return (
        Macs(query * key_dim, (widths[0], queries)),
        Macs(value * value_dim, (widths[1], pairs)),
        Macs(key * key_dim, (widths[2], pairs)),
        Macs(query * value * (key_dim + value_dim), (queries,)),
        Macs(query * value_dim, (queries, widths[0])),
    )


@register_handler(layers.GroupQueryAttention)
def group_query_attention(call: Call, flow: Flow) -> Effect:
    """Reads query, value and key; a channel is a head of keys and values with all its queries.

    The layer has no public attributes for its kernels; they are found by the names in their
    paths, which `tests/graph/handlers/test_attention.py` watches.
    """
    op = call.op
    operands = query, value, key = _operands(call)
    _keep_as_wide(call, flow, query, value)
    pairs = flow.produce(call, op.num_key_value_heads)
    queries = np.repeat(pairs, op.num_query_heads // op.num_key_value_heads)
    labels = {name: flow.along(t, -1, call) for name, t in _named(query, value, key).items()}
    weights: dict[str, tuple[np.ndarray | None, ...]] = {}
    sides = {"query": queries, "key": pairs, "value": pairs}
    macs = _macs_of_heads(operands, _widths(operands, labels), (queries, pairs), (op.head_dim,) * 2)
    if op.use_gate:
        sides["gate"] = queries
        labels["gate"] = labels["query"]
        macs += (macs[0],)
    for name, heads in sides.items():
        weights[f"{name}/kernel"] = (labels[name], heads, None)
        weights[f"{name}/bias"] = (heads, None)
    stream = labels["query"]
    weights["attention_output/kernel"] = (queries, None, stream)
    weights["attention_output/bias"] = (stream,)
    return Effect(
        _results(call, flow, stream, pairs),
        weights=weights,
        config={"num_query_heads": queries, "num_key_value_heads": pairs},
        macs=macs,
        reads=_reads(labels),
        produces=pairs,
    )


@register_handler(layers.TimeDistributed)
def time_distributed(call: Call, flow: Flow) -> Effect:
    """The wrapped layer's effect, with a time axis before everything else."""
    op, tensor = call.op, call.inputs[0]
    handler = handler_for(op.layer)
    channels = flow.of(tensor)
    if channels is not None and channels.axis < 2 or not _plain(op.layer):
        flow.freeze_inputs(call, f"'{call.name}' wraps a layer that is not handled over time")
        return Effect([None] * len(call.outputs))
    step_in = _without_time(tensor)
    flow.set(step_in, None if channels is None else Channels(channels.labels, channels.axis - 1))
    outputs = tuple(_without_time(t) for t in call.outputs)
    inner = Call(call.position, call.name, op.layer, (step_in,), {}, outputs)
    effect = handler(inner, flow)
    steps = tensor.shape[1] or 1
    nested = op.get_config()["layer"]

    def slim_layer(kept: Callable) -> dict:
        config = dict(nested["config"])
        for name, value in effect.config.items():
            config[name] = value(kept) if callable(value) else int(np.count_nonzero(kept(value)))
        return {**nested, "config": config}

    return Effect(
        [None if c is None else Channels(c.labels, c.axis + 1) for c in effect.outputs],
        weights={f"layer.{path}": axes for path, axes in effect.weights.items()},
        config={"layer": slim_layer} if effect.config else {},
        macs=tuple(Macs(term.scale * steps, term.factors) for term in effect.macs),
        reads=effect.reads,
        produces=effect.produces,
        masked={f"layer.{path}": value for path, value in effect.masked.items()},
    )


def _without_time(tensor: Tensor) -> Tensor:
    shape = (tensor.shape[0], *tensor.shape[2:])
    return Tensor(tensor.call, tensor.index, shape, tensor.dtype)


def _plain(layer: Any) -> bool:
    return isinstance(
        layer,
        (
            layers.Activation,
            layers.BatchNormalization,
            layers.Conv1D,
            layers.Conv2D,
            layers.Dense,
            layers.DepthwiseConv2D,
            layers.Dropout,
            layers.Flatten,
            layers.GlobalAveragePooling2D,
            layers.MaxPooling2D,
            layers.ReLU,
        ),
    )


register_frozen("multiplies channels with each other", layers.Attention, layers.AdditiveAttention)
register_frozen("compares all channels of a step with a value", layers.Masking)
register_frozen("is an equation over axes that are not followed", layers.EinsumDense)


def _results(call, flow, stream, heads) -> list[Channels | None]:
    """The residual stream and, if they are asked for, the scores, which hold the heads back."""
    outputs: list[Channels | None] = [None] * len(call.outputs)
    for place, tensor in enumerate(call.outputs):
        if tensor.index == 0 and stream is not None:
            outputs[place] = Channels(stream, len(tensor.shape) - 1)
        elif tensor.index == 1:
            flow.labels.freeze(heads, f"'{call.name}' returns the scores of its heads")
    return outputs


def _reads(labels: dict[str, np.ndarray | None]) -> np.ndarray | None:
    found = [one for one in labels.values() if one is not None]
    return np.unique(np.concatenate(found)) if found else None
