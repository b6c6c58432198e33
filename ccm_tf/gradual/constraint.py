"""Constraints on the slices of a weight that belong to channels."""

from typing import Any

import keras
import numpy as np
from keras import ops

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.group import Weight

# Pairs of an axis and the root label of each of its positions.
Axes = tuple[tuple[int, np.ndarray], ...]


class ChannelConstraint(keras.constraints.Constraint):
    """A constraint that knows which slices of its weight belong to which channel.

    It belongs to the weight, not to the layer: nothing of it is in the layer's config.

    Args:
        axes: Pairs of an axis and the root label of each of its positions.
        inner: The constraint that the weight has besides, which comes first. Defaults to `None`.
    """

    def __init__(self, axes: Axes, inner: Any = None):
        self.axes = axes
        self.inner = inner

    def __call__(self, value: Any) -> Any:
        """The value that the weight takes instead."""
        value = ops.convert_to_tensor(value)
        return value if self.inner is None else self.inner(value)


class ChannelMask(ChannelConstraint):
    """Sets the slices of masked channels to zero, after every update of the optimizer.

    One variable holds the mask of a whole model, so that moving it reaches every weight.

    Args:
        mask: A variable with a one for every root label that is not masked.
        axes: See `ChannelConstraint`.
        inner: See `ChannelConstraint`.
    """

    def __init__(self, mask: Any, axes: Axes, inner: Any = None):
        super().__init__(axes, inner)
        self.mask = mask

    def __call__(self, value: Any) -> Any:
        """The value with zeros in the slices of masked channels."""
        value = super().__call__(value)
        mask = ops.convert_to_tensor(self.mask)
        for axis, roots in self.axes:
            stays = _over(value, axis, ops.take(mask, roots)) > 0
            # Not a product: zero times infinity is no zero.
            value = ops.where(stays, value, ops.zeros_like(value))
        return value


class ChannelDecay(ChannelConstraint):
    r"""Lets the slices of some channels shrink, after every update of the optimizer.

    $$w \leftarrow \frac{w}{1 + \eta \lambda_c}$$

    with the learning rate $\eta$ of the moment: the proximal step of the penalty
    $\tfrac{1}{2} \lambda_c \lVert w \rVert^2$. Apart from the gradient's step, like decoupled
    weight decay, it does the same under every optimizer and is stable however large $\lambda_c$
    is. A weight between two such channels shrinks for both.

    Args:
        penalty: A variable with $\lambda_c$ for every root label.
        optimizer: The optimizer whose learning rate counts.
        axes: See `ChannelConstraint`.
        inner: See `ChannelConstraint`.
    """

    def __init__(self, penalty: Any, optimizer: Any, axes: Axes, inner: Any = None):
        super().__init__(axes, inner)
        self.penalty = penalty
        self.optimizer = optimizer

    def __call__(self, value: Any) -> Any:
        """The value with the slices of penalised channels a little smaller."""
        value = super().__call__(value)
        penalty = ops.convert_to_tensor(self.penalty)
        rate = ops.cast(self.optimizer.learning_rate, penalty.dtype)
        for axis, roots in self.axes:
            shrink = 1 + rate * ops.take(penalty, roots)
            value = value / ops.cast(_over(value, axis, shrink), value.dtype)
        return value


def along(graph: ChannelGraph, weight: Weight) -> Axes:
    """The axes of a weight that channels index."""
    return tuple(
        (axis, graph.roots_of(labels).astype("int32"))
        for axis, labels in enumerate(weight.axes)
        if labels is not None
    )


def without_ours(constraint: Any) -> Any:
    """The constraint that a weight had before any of this library's."""
    while isinstance(constraint, ChannelConstraint):
        constraint = constraint.inner
    return constraint


def _over(value: Any, axis: int, numbers: Any) -> Any:
    """Numbers, one for each position along an axis, in a shape that broadcasts."""
    shape = [1] * len(value.shape)
    shape[axis] = -1
    return ops.reshape(numbers, shape)
