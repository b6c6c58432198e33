"""The masks of a model in training."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from ccm_tf.gradual.constraint import Axes, ChannelMask, along, without_ours
from ccm_tf.gradual.slots import slots_of
from ccm_tf.gradual.zeros import alive_roots
from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.group import Weight
from ccm_tf.replicas import scope_of


class ChannelMasks:
    """Holds some channels of a model at exactly zero while it trains.

    Every trainable weight that a free channel indexes gets a `ChannelMask` as its constraint,
    which Keras applies after each update, whatever the optimizer, the backend and the strategy.
    Channels that are already zero are masked from the start.

    Args:
        model: A built functional or sequential model.
        exact: As in `ccm_tf.ChannelGraph`.

    Attributes:
        graph: The model's `ChannelGraph`.
        alive: Boolean, over root labels: the channels that are not masked.
    """

    def __init__(self, model: keras.Model, exact: bool = True):
        self.model = model
        self.graph = ChannelGraph(model, exact)
        self.alive = alive_roots(self.graph)
        with scope_of(model):
            self._variable = keras.Variable(
                self.alive.astype("float32"), trainable=False, name="channel_mask"
            )
        self._weights = indexed_weights(self.graph)
        for weight in self._weights:
            if weight.variable.trainable:
                inner = without_ours(weight.variable.constraint)
                axes = along(self.graph, weight)
                weight.variable.constraint = ChannelMask(self._variable, axes, inner)

    def constrain(self, make: Callable[[Axes, Any], Any]) -> None:
        """Puts one more constraint on every weight that is masked, after what is there.

        Args:
            make: `make(axes, inner)` makes it; see `ccm_tf.gradual.constraint.ChannelConstraint`.
        """
        for weight in self._weights:
            if weight.variable.trainable:
                axes = along(self.graph, weight)
                weight.variable.constraint = make(axes, weight.variable.constraint)

    def read(self) -> None:
        """Takes the masks from the weights, after something restored them."""
        self.move(alive_roots(self.graph))

    def set(self, alive: np.ndarray) -> None:
        """Masks all channels but these: their weights, and what the optimizer remembers of them.

        Args:
            alive: Boolean, over root labels.
        """
        self.move(alive)
        self.enforce()

    def enforce(self) -> None:
        """Sets what is masked to zero, in case something else wrote there."""
        for weight in self._weights:
            self._zero(weight.variable, weight, weight.masked)
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is None or not optimizer.built:
            return
        by_variable = {id(weight.variable): weight for weight in self._weights}
        trained = self.model.trainable_variables
        for slot in slots_of(optimizer, trained):
            found = by_variable.get(id(trained[slot.weight]))
            if found is not None and slot.variable.shape == found.variable.shape:
                self._zero(slot.variable, found, 0.0)

    def values(self) -> list[np.ndarray]:
        """A copy of every weight that channels index."""
        return [np.array(keras.ops.convert_to_numpy(w.variable)) for w in self._weights]

    def restore(self, values: list[np.ndarray]) -> None:
        """Puts what `values` returned into the masked slices; `set` must follow."""
        for weight, value in zip(self._weights, values, strict=True):
            gone = self._gone(weight)
            if gone.any():
                now = np.array(keras.ops.convert_to_numpy(weight.variable))
                weight.variable.assign(np.where(gone, value, now))

    def move(self, alive: np.ndarray) -> None:
        """Moves the masks alone; the weights stay as they are."""
        self.alive = alive[self.graph.labels_to_roots]
        self._variable.assign(self.alive.astype("float32"))

    def _zero(self, variable: Any, weight: Weight, value: float) -> None:
        gone = self._gone(weight)
        if gone.any():
            array = np.array(keras.ops.convert_to_numpy(variable))
            variable.assign(np.where(gone, np.asarray(value, array.dtype), array))

    def _gone(self, weight: Weight) -> np.ndarray:
        kept = self.graph.kept(self.alive)
        gone = np.zeros(tuple(weight.variable.shape), bool)
        for axis, labels in enumerate(weight.axes):
            if labels is not None:
                shape = [1] * gone.ndim
                shape[axis] = -1
                gone |= ~kept(labels).reshape(shape)
        return gone


def indexed_weights(graph: ChannelGraph) -> list[Weight]:
    """Every variable that channels index, once."""
    found: dict[int, Weight] = {}
    for call in graph.trace.calls:
        for weight in graph.weights_of(call.position):
            if any(labels is not None for labels in weight.axes):
                found.setdefault(id(weight.variable), weight)
    return list(found.values())
