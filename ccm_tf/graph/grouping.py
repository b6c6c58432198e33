"""From labelled tensors to groups and to the feature maps in which they are observed."""

import numpy as np
from keras import layers

from ccm_tf.graph.group import FeatureMap, Group, Producer
from ccm_tf.graph.handlers.common import passthrough
from ccm_tf.graph.handlers.elementwise import activation, prelu
from ccm_tf.graph.handlers.merge import elementwise_merge
from ccm_tf.graph.handlers.normalization import batch_normalization, group_normalization
from ccm_tf.graph.labelled import LabelledModel
from ccm_tf.graph.labels import Labels
from ccm_tf.graph.registry import handler_for
from ccm_tf.graph.trace import Call, Tensor

_CONVOLUTIONS = (
    layers.Conv1D,
    layers.Conv2D,
    layers.Conv3D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
)
_MAX_POOLING = (layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D)
_TRANSPARENT = (
    activation,
    batch_normalization,
    elementwise_merge,
    group_normalization,
    passthrough,
    prelu,
)


def feature_maps(graph: LabelledModel) -> tuple[FeatureMap, ...]:
    """One map for every layer that makes or filters channels, without repetition."""
    readers: dict[Tensor, list[Call]] = {}
    for call in graph.trace.calls:
        for tensor in call.inputs:
            readers.setdefault(tensor, []).append(call)
    outputs = set(graph.trace.flat_outputs)
    mixed = _mixed_by_convolutions(graph)
    maps: dict[Tensor, FeatureMap] = {}
    for call, effect in zip(graph.trace.calls, graph.effects, strict=True):
        if effect.produces is None and not isinstance(call.op, _CONVOLUTIONS):
            continue
        if effect.outputs[0] is None or call.outputs[0] in outputs:
            continue
        tensor, source = _follow(call, readers, outputs)
        channels = graph.channels_of(tensor)
        if channels is None:
            continue
        roots = graph.roots_of(channels.labels)
        read = bool(mixed[roots].any())
        maps.setdefault(tensor, FeatureMap(tensor, source.name, roots, channels.axis, read))
    return tuple(maps.values())


def _mixed_by_convolutions(graph: LabelledModel) -> np.ndarray:
    mixed = np.zeros(len(graph.labels_to_roots), bool)
    for call, effect in zip(graph.trace.calls, graph.effects, strict=True):
        if effect.reads is not None and isinstance(call.op, _CONVOLUTIONS):
            mixed[graph.roots_of(effect.reads)] = True
    return mixed


def _follow(
    call: Call, readers: dict[Tensor, list[Call]], outputs: set[Tensor]
) -> tuple[Tensor, Call]:
    """The last tensor on the way from a layer to whoever mixes its channels."""
    tensor = call.outputs[0]
    while tensor not in outputs and len(readers.get(tensor, ())) == 1:
        (reader,) = readers[tensor]
        transparent = handler_for(reader.op) in _TRANSPARENT
        if not (transparent or isinstance(reader.op, _MAX_POOLING)):
            break
        tensor, call = reader.outputs[0], reader
    return tensor, call


def groups_of(graph: LabelledModel, features: tuple[FeatureMap, ...]) -> tuple[Group, ...]:
    """Connects producers that share a channel."""
    ties = Labels()
    ties.fresh(len(graph.labels_to_roots))
    for producer in graph.producers:
        ties.unite(np.full_like(producer.roots, producer.roots[0]), producer.roots)
    member = ties.roots()
    found: dict[int, list[Producer]] = {}
    for producer in graph.producers:
        found.setdefault(int(member[producer.roots[0]]), []).append(producer)
    consumers = _by_member(
        member,
        (
            (call.name, graph.roots_of(effect.reads))
            for call, effect in zip(graph.trace.calls, graph.effects, strict=True)
            if effect.reads is not None
        ),
    )
    maps = _by_member(member, ((feature, feature.roots) for feature in features))
    groups = []
    for index, (key, producers) in enumerate(found.items()):
        roots = np.unique(np.concatenate([p.roots for p in producers]))
        frozen = graph.is_frozen(roots)
        groups.append(
            Group(
                index,
                roots[~frozen],
                roots[frozen],
                graph.reasons_for(roots[frozen]),
                tuple(producers),
                tuple(dict.fromkeys(consumers.get(key, ()))),
                tuple(maps.get(key, ())),
            )
        )
    return tuple(groups)


def _by_member(member: np.ndarray, items) -> dict[int, list]:
    table: dict[int, list] = {}
    for item, roots in items:
        for key in np.unique(member[roots]):
            table.setdefault(int(key), []).append(item)
    return table
