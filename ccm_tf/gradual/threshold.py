"""The soft threshold on whole channels, the step of directional pruning."""

import keras
import numpy as np

from ccm_tf.gradual.masks import indexed_weights
from ccm_tf.graph import ChannelGraph


def threshold(steps: float, rate: float, strength: float, power: float) -> float:
    r"""The threshold that generalised regularised dual averaging has reached after so many steps.

    $$g(n, \gamma) = c \, \gamma^{1/2 + \mu} n^{\mu}$$

    Args:
        steps: n.
        rate: Learning rate $\gamma$.
        strength: c.
        power: $\mu$.
    """
    return strength * rate ** (0.5 + power) * max(0.0, steps) ** power


def shrunken(sizes: np.ndarray, by: float) -> np.ndarray:
    r"""The factors by which a soft threshold shrinks groups of weights: $\max(0, 1 - g / s)$.

    Args:
        sizes: Size of each group.
        by: The threshold g.
    """
    sizes = np.asarray(sizes, np.float64)
    return np.divide(np.maximum(sizes - by, 0), sizes, out=np.zeros_like(sizes), where=sizes > 0)


def channel_sizes(graph: ChannelGraph) -> np.ndarray:
    """The root mean square of all trainable weights that belong to each channel.

    Args:
        graph: A `ChannelGraph`.

    Returns:
        One number for every root label; 0 where nothing belongs to it.
    """
    squares = np.zeros(len(graph.labels_to_roots))
    counts = np.zeros(len(graph.labels_to_roots))
    for weight in indexed_weights(graph):
        if not weight.variable.trainable:
            continue
        value = np.asarray(keras.ops.convert_to_numpy(weight.variable), np.float64)
        for axis, labels in enumerate(weight.axes):
            if labels is not None:
                others = tuple(a for a in range(value.ndim) if a != axis)
                roots = graph.roots_of(labels)
                np.add.at(squares, roots, (value**2).sum(axis=others))
                np.add.at(counts, roots, value.size / len(labels))
    return np.sqrt(squares / np.maximum(counts, 1))


def scale_channels(graph: ChannelGraph, factors: np.ndarray) -> None:
    """Multiplies all trainable weights of each channel by a number.

    Args:
        graph: A `ChannelGraph`.
        factors: One for each root label.
    """
    for weight in indexed_weights(graph):
        if not weight.variable.trainable:
            continue
        value = np.array(keras.ops.convert_to_numpy(weight.variable))
        for axis, labels in enumerate(weight.axes):
            if labels is not None:
                shape = [1] * value.ndim
                shape[axis] = -1
                along = factors[graph.roots_of(labels)].reshape(shape)
                value = (value * along).astype(value.dtype)
        weight.variable.assign(value)
