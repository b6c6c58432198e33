"""Relevance of tensors, batch by batch, in one compiled pass."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ccm_tf.graph.calls import Tensor, key_of
from ccm_tf.graph.trace import Trace
from ccm_tf.lrp.folding import folded_norms
from ccm_tf.lrp.rules import linear_call, rule_for
from ccm_tf.lrp.settings import Settings
from ccm_tf.lrp.signs import never_negative
from ccm_tf.statistics.batches import batch_count, batches
from ccm_tf.statistics.gradients import gradient
from ccm_tf.statistics.objective import Objective
from ccm_tf.statistics.taps import full_batches


@dataclasses.dataclass(frozen=True)
class Relevances:
    """What one batch shows.

    Attributes:
        found: For every place asked about, its relevance.
        labels: The class of each sample, (B,).
        predictions: The class that the model chooses, (B,).
    """

    found: list[np.ndarray]
    labels: np.ndarray
    predictions: np.ndarray


@dataclasses.dataclass(frozen=True)
class Place:
    """Where relevance is asked for.

    Attributes:
        tensor: The tensor.
        axis: Its channel axis, to add up the relevance of all other positions; `None` for maps.
    """

    tensor: Tensor
    axis: int | None = None

    def gate(self, samples: int) -> np.ndarray:
        """Zeros, one for every number that is asked for."""
        shape = self.tensor.shape
        if self.axis is not None:
            return np.zeros((samples, shape[self.axis] or 0), np.float32)
        if any(size is None for size in shape[1:]):
            raise ValueError(
                f"Maps need a model whose sizes are known. Received a tensor of shape {shape}: "
                "build the model for the size that the images have."
            )
        return np.zeros((samples, *(size or 0 for size in shape[1:])), np.float32)

    def along(self, gate: Any) -> Any:
        """The gate in a shape that can be added to the tensor's."""
        if self.axis is None:
            return gate
        shape = [1] * len(self.tensor.shape)
        shape[0], shape[self.axis] = gate.shape
        return ops.reshape(gate, shape)


def relevances(
    graph: Any,
    data: Any,
    places: Sequence[Place],
    settings: Settings,
    batch_size: int = 128,
    max_batches: int | None = None,
    verbose: int = 0,
) -> Iterator[Relevances]:
    """Streams relevance over labelled data, in inference mode.

    Each sample starts with relevance 1 at the logit of its label. Values, relevance and
    predictions come from one pass.

    Args:
        graph: A `ChannelGraph` of a classifier.
        data: `(x, y)`, or a data set or iterable of batches `(x, y)`.
        places: Where relevance is asked for.
        settings: The rule.
        batch_size: Samples per batch where `data` is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of them.
        verbose: 1 shows a progress bar. Defaults to 0.

    Raises:
        ValueError: If the model is no classifier, or labels are missing or out of range.
    """
    classes = classes_of(graph.trace)
    stream = batches(data, batch_size, max_batches, labels=True)
    total = batch_count(data, batch_size, max_batches)
    progress = keras.utils.Progbar(total) if verbose else None
    return _stream(graph, stream, places, settings, classes, progress)


def classes_of(trace: Trace) -> int:
    """Number of classes of a classifier.

    Raises:
        ValueError: If the model has several outputs or one that is not one number per class.
    """
    outputs = trace.flat_outputs
    if len(outputs) != 1 or len(outputs[0].shape) != 2 or (outputs[0].shape[1] or 0) < 2:
        raise ValueError(
            "Relevance starts at the logit of each sample's label, so the model has to end in one "
            "output with a number per class, (batch, classes), at least two. Received outputs of "
            f"shape {[t.shape for t in outputs]}."
        )
    return outputs[0].shape[1] or 0


def scorer(graph: Any, places: Sequence[Place], settings: Settings) -> Callable[..., list[Any]]:
    """The compiled pass over one batch.

    Args:
        graph: A `ChannelGraph` of a classifier.
        places: Where relevance is asked for.
        settings: The rule.

    Returns:
        `score(inputs, starts)` with the relevance (B, classes) that each logit starts with: the
        relevance at every place, and the logits.
    """
    trace = graph.trace
    signed = _signed(trace)
    norms = folded_norms(trace) if settings.fold_bn else {}
    classes = classes_of(trace)

    def total(points, inputs, starts):
        *gates, look = points
        at = dict(zip(places, gates, strict=True))
        carrier, logits = _carried(trace, inputs, at, _How(signed, settings, norms))
        # Predictions leave as the derivative with respect to `look`.
        seen = ops.sum(look * ops.stop_gradient(logits))
        return seen if carrier is None else seen + ops.sum(carrier * starts)

    differentiate = gradient(graph.model, total)

    def score(inputs, starts):
        points = [place.gate(len(starts)) for place in places]
        points.append(np.zeros((len(starts), classes), np.float32))
        return differentiate(points, inputs, starts)

    return score


def _stream(graph, stream, places, settings, classes, progress):
    objective = Objective(graph.trace)
    score = scorer(graph, places, settings)
    full = full_batches(graph.trace, stream, lambda _, y: [class_numbers(objective, y, classes)])
    for done, (samples, inputs, (labels,), weights) in enumerate(full, start=1):
        starts = weights[:, None] * np.eye(classes, dtype=np.float32)[labels]
        found = score(inputs, starts)
        *found, logits = [ops.convert_to_numpy(one)[:samples] for one in found]
        yield Relevances(found, labels[:samples], logits.argmax(axis=1))
        if progress is not None:
            progress.update(done)


def class_numbers(objective: Objective, labels: Any, classes: int) -> np.ndarray:
    """Class numbers (B,) from class numbers or one-hot labels, checked."""
    (targets,) = objective.targets(labels)
    if targets.ndim == 2:
        return targets.argmax(axis=1)
    return targets.astype(np.int64)


def _signed(trace: Trace) -> list[bool]:
    """For every call whether one of its inputs may be negative."""
    unsigned = never_negative(trace)
    return [any(tensor not in unsigned for tensor in call.inputs) for call in trace.calls]


@dataclasses.dataclass(frozen=True)
class _How:
    """How relevance goes through each call: what may be negative, the rule, what is folded in."""

    signed: list[bool]
    settings: Settings
    norms: dict[int, Any]


def _carried(trace, inputs, gates, how):
    """The output's carrier, and the output itself."""
    gate_at = {key_of(place.tensor): place.along(gate) for place, gate in gates.items()}
    carriers: dict[tuple[int, int], Any] = {}

    def put(tensor, carrier, value):
        gate = gate_at.get(key_of(tensor))
        if gate is not None:
            carrier = gate + (ops.zeros_like(value, "float32") if carrier is None else carrier)
        carriers[key_of(tensor)] = carrier

    for tensor, value in zip(trace.flat_inputs, keras.tree.flatten(inputs), strict=True):
        put(tensor, None, value)

    def apply(call, args, kwargs):
        given = [carriers[key_of(tensor)] for tensor in call.inputs]
        # In front of the first gate nobody asks.
        asked = any(carrier is not None for carrier in given)
        both = None
        if asked:
            values = _values_of((call.args, call.kwargs), (args, kwargs))
            given = [
                ops.zeros_like(value, "float32") if carrier is None else carrier
                for value, carrier in zip(values, given, strict=True)
            ]
            sign, norm = how.signed[call.position], how.norms.get(call.position)
            both = linear_call(call, values, given, sign, how.settings, norm)
        if both is not None:
            made, outputs = both
            result = outputs[0]
        else:
            result = call.op(*args, **kwargs)
            flat = keras.tree.flatten(result)
            outputs = [flat[tensor.index] for tensor in call.outputs]
            made = [None] * len(outputs)
            if asked:
                made = rule_for(call)(call, values, given, outputs, sign, how.settings)
                # Rules run layers, which in mixed precision return half of it.
                made = [ops.cast(carrier, "float32") for carrier in made]
        for tensor, carrier, value in zip(call.outputs, made, outputs, strict=True):
            put(tensor, carrier, value)
        return result

    (logits,) = keras.tree.flatten(trace.run(inputs, apply))
    (output,) = trace.flat_outputs
    return carriers[key_of(output)], ops.cast(logits, "float32")


def _values_of(pattern: Any, value: Any) -> list[Any]:
    """The values of the tensors in a call's arguments, in the order of its inputs."""
    if isinstance(pattern, Tensor):
        return [value]
    if isinstance(pattern, dict):
        pairs = [(pattern[key], value[key]) for key in sorted(pattern)]
    elif isinstance(pattern, (list, tuple)):
        pairs = list(zip(pattern, value, strict=True))
    else:
        pairs = []
    return [found for one, other in pairs for found in _values_of(one, other)]
