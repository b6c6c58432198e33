"""The constraint that keeps slices of a weight at zero."""

from typing import Any

import keras
import numpy as np
from keras import ops


class ChannelMask(keras.constraints.Constraint):
    """Sets the slices of masked channels to zero, after every update of the optimizer.

    One variable holds the mask of a whole model, so that moving it reaches every weight. The
    constraint belongs to the weight, not to the layer: nothing of it is in the layer's config.

    Args:
        mask: A variable with a one for every root label that is not masked.
        axes: Pairs of an axis and the root label of each of its positions.
        inner: The constraint that the weight has besides, which comes first. Defaults to `None`.
    """

    def __init__(self, mask: Any, axes: tuple[tuple[int, np.ndarray], ...], inner: Any = None):
        self.mask = mask
        self.axes = axes
        self.inner = inner

    def __call__(self, value: Any) -> Any:
        """The value with zeros in the slices of masked channels."""
        value = ops.convert_to_tensor(value)
        if self.inner is not None:
            value = self.inner(value)
        mask = ops.convert_to_tensor(self.mask)
        for axis, roots in self.axes:
            shape = [1] * len(value.shape)
            shape[axis] = len(roots)
            stays = ops.reshape(ops.take(mask, roots), shape) > 0
            # Not a product: zero times infinity is no zero.
            value = ops.where(stays, value, ops.zeros_like(value))
        return value
