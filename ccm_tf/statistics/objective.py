"""What a model's outputs cost, sample by sample: the loss that gradients are taken of."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ccm_tf.graph.trace import Tensor, Trace

_NEUTRAL_LAYERS = (
    keras.layers.Dropout,
    keras.layers.Flatten,
    keras.layers.Identity,
    keras.layers.Reshape,
)
_NEUTRAL_OPERATIONS = ("Cast", "Reshape", "Squeeze")


class Objective:
    """Loss of each sample of a batch, for the outputs of a traced model.

    Without a loss it is cross-entropy: categorical for several units, binary for one unit or a
    sigmoid, from probabilities if the last activation is a softmax or sigmoid and from logits
    otherwise. Losses of positions (segmentation) are averaged, those of several outputs added up.

    Args:
        trace: The model's trace.
        loss: A loss as `keras.losses.get` takes it, a `keras.losses.Loss` or a function
            `loss(y_true, y_pred)` with one value per sample, for every output; or a list or dict
            of them like the model's outputs. Defaults to `None`, cross-entropy.

    Raises:
        ValueError: If the losses do not fit the outputs.
    """

    def __init__(self, trace: Trace, loss: Any = None):
        self._outputs = trace.outputs
        self._tensors = trace.flat_outputs
        losses = _per_output(loss, trace.outputs)
        self._losses = [
            _CrossEntropy(tensor, last_activation(trace, tensor)) if one is None else _Given(one)
            for tensor, one in zip(self._tensors, losses, strict=True)
        ]

    def targets(self, labels: Any) -> list[np.ndarray]:
        """Labels of one batch, one array per output, checked.

        Args:
            labels: An array; for several outputs a list or dict of arrays like the outputs.

        Raises:
            ValueError: If labels do not fit the outputs.
        """
        if isinstance(self._outputs, dict) and isinstance(labels, dict):
            missing = sorted(set(self._outputs) - set(labels))
            if missing:
                raise ValueError(f"The outputs {missing} have no labels.")
            labels = {key: labels[key] for key in self._outputs}
        flat = keras.tree.flatten(labels)
        if len(flat) != len(self._tensors):
            raise ValueError(
                f"The model has {len(self._tensors)} output(s) but the data {len(flat)} array(s) "
                "of labels."
            )
        return [
            loss.targets(np.asarray(values))
            for loss, values in zip(self._losses, flat, strict=True)
        ]

    def __call__(self, targets: list[Any], outputs: Any) -> Any:
        """Loss of each sample, a float32 tensor (B,)."""
        total = 0.0
        flat = keras.tree.flatten(outputs)
        for loss, target, output in zip(self._losses, targets, flat, strict=True):
            values = ops.cast(loss(target, ops.cast(output, "float32")), "float32")
            if len(values.shape) == 0:
                raise ValueError(
                    "A loss has to return one value per sample. Received a loss that returns one "
                    "number for the whole batch: drop its mean."
                )
            total += ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), axis=1)
        return total


def _per_output(loss: Any, outputs: Any) -> list[Any]:
    count = len(keras.tree.flatten(outputs))
    if isinstance(loss, dict) and "class_name" not in loss:
        if not isinstance(outputs, dict) or set(loss) != set(outputs):
            raise ValueError(
                f"Losses for the outputs {sorted(loss)} do not fit the model's outputs "
                f"{sorted(outputs) if isinstance(outputs, dict) else f'({count}, without names)'}."
            )
        return [loss[key] for key in sorted(loss)]
    if isinstance(loss, (list, tuple)):
        if len(loss) != count:
            raise ValueError(f"Received {len(loss)} losses for a model with {count} output(s).")
        return list(loss)
    return [loss] * count


class _Given:
    """A loss that the user passed: one value per sample, or per position of each sample."""

    def __init__(self, loss: Any):
        found = keras.losses.get(loss)
        self._function = found.call if isinstance(found, keras.losses.Loss) else found

    def targets(self, values: np.ndarray) -> np.ndarray:
        return values

    def __call__(self, target, output):
        return self._function(target, output)


class _CrossEntropy:
    """Cross-entropy of one output, from probabilities if its activation makes them."""

    def __init__(self, tensor: Tensor, activation: str | None):
        self._shape = tensor.shape
        self._binary = activation == "sigmoid" or tensor.shape[-1] == 1
        self._from_logits = activation is None

    def targets(self, values: np.ndarray) -> np.ndarray:
        """Labels in the form that the cross-entropy takes, checked."""
        classes = self._shape[-1]
        alike = values.ndim == len(self._shape) and values.shape[-1] == classes
        if self._binary and classes == 1 and values.ndim == len(self._shape) - 1:
            values, alike = values[..., None], True
        if alike and values.dtype.kind in "iufb":
            if self._binary and values.size and not 0 <= values.min() <= values.max() <= 1:
                raise self._error("labels between 0 and 1", values)
            return values.astype(np.float32)
        if self._binary:
            raise self._error("labels of the same shape, between 0 and 1", values)
        return self._numbers(values)

    def _numbers(self, values: np.ndarray) -> np.ndarray:
        classes = self._shape[-1]
        if values.ndim == len(self._shape) and values.shape[-1] == 1:
            values = values[..., 0]
        fits = values.ndim == len(self._shape) - 1 and values.dtype.kind in "iufb"
        if fits and values.size:
            whole = bool(np.all(values == np.round(values)))
            fits = whole and values.min() >= 0 and (classes is None or values.max() < classes)
        if not fits:
            last = "…" if classes is None else classes - 1
            raise self._error(
                f"the numbers of classes from 0 to {last} as labels, or one number per class",
                values,
            )
        return values.astype(np.int32)

    def _error(self, expected: str, values: np.ndarray) -> ValueError:
        known = values.size and values.dtype.kind in "iufb"
        extent = f" from {values.min()} to {values.max()}" if known else ""
        return ValueError(
            f"Cross-entropy of an output of shape {self._shape} needs {expected}. Received labels "
            f"of shape {values.shape} and type {values.dtype}{extent}. For anything else pass the "
            "loss that the model was trained with, for example `loss='mean_squared_error'`."
        )

    def __call__(self, target, output):
        if self._binary:
            return ops.binary_crossentropy(target, output, from_logits=self._from_logits)
        if len(target.shape) < len(output.shape):
            return ops.sparse_categorical_crossentropy(target, output, self._from_logits)
        return ops.categorical_crossentropy(target, output, self._from_logits)


def last_activation(trace: Trace, tensor: Tensor) -> str | None:
    """`"softmax"` or `"sigmoid"` if that is how a tensor was made, `None` otherwise."""
    while tensor.call >= 0:
        call = trace.calls[tensor.call]
        name = _activation(call.op)
        if name is not None:
            return name if name in ("softmax", "sigmoid") else None
        if not call.inputs or call.inputs[0].shape[-1:] != tensor.shape[-1:]:
            return None
        tensor = call.inputs[0]
    return None


def _activation(op: Any) -> str | None:
    """Name of what an operation does to values, `None` if nothing."""
    if isinstance(op, keras.layers.Softmax):
        return "softmax"
    function = getattr(op, "activation", None)
    if function is keras.activations.softmax:
        return "softmax"
    if function is keras.activations.sigmoid:
        return "sigmoid"
    if isinstance(op, keras.layers.Activation):
        return None if function is keras.activations.linear else "other"
    kind = type(op).__name__
    if isinstance(op, _NEUTRAL_LAYERS):
        return None
    if not isinstance(op, keras.Layer) and kind in _NEUTRAL_OPERATIONS:
        return None
    if not isinstance(op, keras.Layer) and kind in ("Softmax", "Sigmoid"):
        return kind.lower()
    return "other"
