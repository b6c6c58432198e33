"""A traced model with a label on every channel."""

import functools
import operator

import keras
import numpy as np

from ccm_tf.graph import handlers  # noqa: F401  (registers the handlers)
from ccm_tf.graph.flow import Channels, Effect, Flow, Kept
from ccm_tf.graph.group import Producer, Weight
from ccm_tf.graph.registry import handler_for, is_keras_operation
from ccm_tf.graph.trace import Call, Tensor, Trace


class LabelledModel:
    """The labels of all channels of a model, which of them are equal, and what they index.

    Args:
        model: A built functional or sequential `keras.Model`. It is only read.
        exact: Whether channels stay whose removal would change the function of the others.
            Defaults to `True`.

    Attributes:
        trace: The calls of the model.
        effects: What each call does to channels.
        labels_to_roots: Root of every label; equal labels have the same root.
    """

    def __init__(self, model: keras.Model, exact: bool = True):
        self.model = model
        self.exact = exact
        self.trace = Trace(model)
        flow = Flow(exact)
        self.effects: tuple[Effect, ...] = _read(self.trace, flow)
        for tensor in self.trace.flat_outputs:
            flow.freeze(flow.of(tensor), "is an output of the model")
        self.labels_to_roots: np.ndarray = flow.labels.roots()
        self._frozen, self._reasons = flow.labels.frozen(self.labels_to_roots)
        self._tensors = {
            tensor: channels
            for call, effect in zip(self.trace.calls, self.effects, strict=True)
            for tensor, channels in zip(call.outputs, effect.outputs, strict=True)
            if channels is not None
        }
        self._freeze_without_producer()

    @functools.cached_property
    def producers(self) -> tuple[Producer, ...]:
        """Every layer that makes channels, frozen ones included, in order of execution."""
        found: dict[str, Producer] = {}
        for call, effect in zip(self.trace.calls, self.effects, strict=True):
            if effect.produces is None or call.name in found:
                continue
            made = tuple(
                (weight.variable, axis)
                for weight in self.weights_of(call.position)
                for axis, labels in enumerate(weight.axes)
                if labels is effect.produces
            )
            found[call.name] = Producer(call.name, call.op, self.roots_of(effect.produces), made)
        return tuple(found.values())

    def channels_of(self, tensor: Tensor) -> Channels | None:
        """`Channels` of a tensor of the trace, `None` where channels are not followed."""
        return self._tensors.get(tensor)

    def roots_of(self, labels: np.ndarray) -> np.ndarray:
        return self.labels_to_roots[labels]

    def is_frozen(self, labels: np.ndarray) -> np.ndarray:
        return self._frozen[labels]

    def reasons_for(self, roots: np.ndarray) -> tuple[str, ...]:
        """Why these channels must stay, most common reason first."""
        counts: dict[str, int] = {}
        for root in roots:
            for reason in self._reasons.get(int(root), ()):
                counts[reason] = counts.get(reason, 0) + 1
        return tuple(sorted(counts, key=counts.__getitem__, reverse=True))

    def weights_of(self, position: int) -> list[Weight]:
        """Variables of a call's layer that channels index."""
        op, effect = self.trace.calls[position].op, self.effects[position]
        weights = []
        for path, axes in effect.weights.items():
            variable = _variable(op, path)
            if variable is not None:
                weights.append(Weight(variable, axes, effect.masked.get(path, 0.0)))
        return weights

    @functools.cached_property
    def widths(self) -> tuple[np.ndarray, ...]:
        """Distinct root arrays of all tensors and layers: none may lose all its channels."""
        labels = [channels.labels for channels in self._tensors.values()]
        # Attention heads are channels that no tensor shows.
        labels += [effect.produces for effect in self.effects if effect.produces is not None]
        unique = {}
        for array in labels:
            roots = self.roots_of(array)
            unique[roots.tobytes()] = roots
        return tuple(unique.values())

    def all_kept(self) -> np.ndarray:
        """A fresh mask over labels in which every channel stays."""
        return np.ones(len(self.labels_to_roots), bool)

    def kept(self, mask: np.ndarray) -> Kept:
        """Function from labels to booleans for a mask over roots."""
        return lambda labels: mask[self.labels_to_roots[labels]]

    def macs(self, mask: np.ndarray | None = None) -> int:
        """Multiply-accumulates per sample if only the roots in `mask` stay."""
        kept = None if mask is None else self.kept(mask)
        return round(sum(term.count(kept) for effect in self.effects for term in effect.macs))

    def params(self, mask: np.ndarray | None = None) -> int:
        """Number of weights if only the roots in `mask` stay."""
        return sum(size for _, size in self._sizes(mask))

    def bytes(self, mask: np.ndarray | None = None) -> int:
        """Size of the weights if only the roots in `mask` stay."""
        return sum(bytes_per_value(variable) * size for variable, size in self._sizes(mask))

    def _sizes(self, mask: np.ndarray | None) -> list[tuple[keras.Variable, int]]:
        kept = self.kept(self.all_kept() if mask is None else mask)
        sizes: dict[int, int] = {}
        variables: dict[int, keras.Variable] = {}
        for call in self.trace.calls:
            for variable in getattr(call.op, "weights", ()):
                variables[id(variable)] = variable
                sizes.setdefault(id(variable), int(np.prod(variable.shape, dtype=np.int64)))
            for weight in self.weights_of(call.position):
                size = 1
                for length, labels in zip(weight.variable.shape, weight.axes, strict=True):
                    size *= length if labels is None else int(np.count_nonzero(kept(labels)))
                sizes[id(weight.variable)] = size
        return [(variable, sizes[key]) for key, variable in variables.items()]

    def _freeze_without_producer(self) -> None:
        """Channels that no layer makes (zeros padded on) go only with channels that one makes."""
        made = np.zeros(len(self.labels_to_roots), bool)
        for effect in self.effects:
            if effect.produces is not None:
                made[self.roots_of(effect.produces)] = True
        self._frozen |= ~made[self.labels_to_roots]


def _variable(op: keras.Operation, path: str) -> keras.Variable | None:
    """A variable by its attribute path or, with a slash, by the end of its own path."""
    if "/" not in path:
        return operator.attrgetter(path)(op)
    return next((w for w in op.weights if f"/{w.path}".endswith(f"/{path}")), None)


def bytes_per_value(variable: keras.Variable) -> int:
    """Size of one value; dtypes that numpy lacks, such as bfloat16, count two bytes."""
    name = keras.backend.standardize_dtype(variable.dtype)
    return 2 if name == "bfloat16" else np.dtype(name).itemsize


def _read(trace: Trace, flow: Flow) -> tuple[Effect, ...]:
    effects = []
    first_calls: dict[str, Effect] = {}
    for call in trace.calls:
        effect = handler_for(call.op)(call, flow)
        _check(call, effect)
        for tensor, channels in zip(call.outputs, effect.outputs, strict=True):
            flow.set(tensor, channels)
        first = first_calls.setdefault(call.name, effect)
        if first is not effect:
            _unite_calls(call, first, effect, flow)
        effects.append(effect)
    return tuple(effects)


def _check(call: Call, effect: Effect) -> None:
    """Finds what is wrong with a handler before anything is done with what it says."""
    handler = f"The handler of '{call.name}' ({type(call.op).__name__})"
    if not isinstance(effect, Effect):
        raise ValueError(f"{handler} must return an Effect. Received: {effect!r}.")
    if len(effect.outputs) != len(call.outputs):
        raise ValueError(
            f"{handler} gave {len(effect.outputs)} outputs, but the layer has "
            f"{len(call.outputs)}. It must give one entry per output."
        )
    for tensor, channels in zip(call.outputs, effect.outputs, strict=True):
        if channels is not None and len(channels.labels) != tensor.shape[channels.axis]:
            raise ValueError(
                f"{handler} gave {len(channels.labels)} labels for axis {channels.axis} of an "
                f"output of shape {tensor.shape}. It must give one label per channel."
            )
    for path, axes in effect.weights.items():
        _check_weight(handler, call.op, path, axes)
    if is_keras_operation(call.op) or not effect.config:
        return  # what follows takes time, and the tests have seen all of Keras
    missing = [key for key in effect.config if key not in call.op.get_config()]
    if missing:
        raise ValueError(
            f"{handler} names '{missing[0]}' in the config, which the layer's config lacks. "
            "It must be a key that `get_config` returns."
        )


def _check_weight(handler: str, op: keras.Operation, path: str, axes: tuple) -> None:
    try:
        variable = _variable(op, path)
    except AttributeError as error:
        raise ValueError(
            f"{handler} names the weight '{path}', which the layer lacks. It must be an attribute."
        ) from error
    if variable is None:
        return
    shape = tuple(variable.shape)
    if len(axes) != len(shape):
        raise ValueError(
            f"{handler} names {len(axes)} axes of weight '{path}' of shape {shape}. It must give "
            "one entry per axis, `None` for an axis that stays."
        )
    for axis, labels in enumerate(axes):
        if labels is not None and len(labels) != shape[axis]:
            raise ValueError(
                f"{handler} names {len(labels)} labels along axis {axis} of weight '{path}' of "
                f"shape {shape}. It must give one label per slice."
            )


def _unite_calls(call: Call, first: Effect, effect: Effect, flow: Flow) -> None:
    """A shared layer has one kernel: what its calls read along an axis is one set of channels."""
    reason = f"'{call.name}' is shared and reads channels elsewhere that must stay"
    for path, axes in effect.weights.items():
        for before, now in zip(first.weights[path], axes, strict=True):
            if before is not None and now is not None:
                flow.labels.unite(before, now)
            for labels in (before, now):
                if labels is not None and (before is None or now is None):
                    flow.labels.freeze(labels, reason)
