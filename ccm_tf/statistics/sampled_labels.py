"""Labels drawn from what a model predicts: what the Fisher information is an expectation over."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ccm_tf.graph.trace import Tensor, Trace
from ccm_tf.statistics.objective import last_activation


class LabelSampler:
    """Draws one label for every prediction, reproducibly.

    One unit or a sigmoid gives a label of 0 or 1 per unit; several units one class number, from
    the probabilities of a softmax or, without an activation, from logits.

    Args:
        trace: The model's trace.
        seed: Seed of the draws. Sample n gets the same draw whatever the batches.

    Raises:
        ValueError: If an output holds neither probabilities nor logits, or its size is unknown.
    """

    def __init__(self, trace: Trace, seed: int = 0):
        self._random = np.random.default_rng(seed)
        self._draws = [_draw_for(trace, tensor) for tensor in trace.flat_outputs]
        self._size = 0

    def numbers(self, samples: int, passed_over: int = 0) -> list[np.ndarray]:
        """Uniform numbers for the next samples, one float32 array per output.

        Args:
            samples: How many.
            passed_over: Batches before these samples that others look at, each as large as the
                largest batch so far: their numbers are drawn and dropped. Defaults to 0.
        """
        self._size = max(self._size, samples)
        for _ in range(passed_over):
            self._drawn(self._size)
        return self._drawn(samples)

    def _drawn(self, samples: int) -> list[np.ndarray]:
        return [self._random.random((samples, *shape), np.float32) for shape, *_ in self._draws]

    def labels(self, numbers: list[Any], outputs: Any) -> list[Any]:
        """Labels for a batch of outputs, one tensor per output, without a gradient."""
        flat = [ops.cast(ops.stop_gradient(o), "float32") for o in keras.tree.flatten(outputs)]
        return [
            draw(number, output, activation)
            for (_, draw, activation), number, output in zip(
                self._draws, numbers, flat, strict=True
            )
        ]


def _draw_for(trace: Trace, tensor: Tensor):
    activation = last_activation(trace, tensor)
    squashed = _squashed(trace, tensor) if activation is None else None
    if squashed is not None:
        raise ValueError(
            f"Labels are drawn from predicted probabilities, but an output of '{trace.name}' ends "
            f"in '{squashed}': it holds neither logits nor probabilities. Pass labels='empirical', "
            "data with labels and the loss that the model was trained with, for example "
            "loss='mean_squared_error'."
        )
    shape = tensor.shape[1:]
    if any(size is None for size in shape):
        raise ValueError(
            f"Labels cannot be drawn for an output of shape {tensor.shape} with unknown sizes. "
            "Build the model for the size that it runs at, or pass labels='empirical'."
        )
    if activation == "sigmoid" or tensor.shape[-1] == 1:
        return shape, _bernoulli, activation
    return (*shape[:-1], 1), _category, activation


def _squashed(trace: Trace, tensor: Tensor) -> str | None:
    """Name of the activation that an output ends in, `None` if it is linear."""
    if tensor.call < 0:
        return None
    op = trace.calls[tensor.call].op
    if isinstance(op, (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.ELU)):
        return type(op).__name__
    function = getattr(op, "activation", None)
    if function is None or function is keras.activations.linear:
        return None
    return getattr(function, "__name__", str(function))


def _bernoulli(number: Any, output: Any, activation: str | None) -> Any:
    probability = ops.sigmoid(output) if activation is None else output
    return ops.cast(number < probability, "float32")


def _category(number: Any, output: Any, activation: str | None) -> Any:
    probability = ops.softmax(output) if activation is None else output
    below = ops.cumsum(probability, axis=-1)
    drawn = ops.sum(ops.cast(below < number * below[..., -1:], "int32"), axis=-1)
    return ops.minimum(drawn, output.shape[-1] - 1)
