"""Layers that start with given weights instead of drawing random ones first."""

from typing import Any

import keras
import numpy as np

from ccm_tf.graph.registry import is_keras_operation


class Prefilled:
    """Initialisers that hand a new layer the values of its weights as it is built.

    Drawing random kernels only to overwrite them takes longer than anything else in copying a
    model. So the initialisers in the layer's config are replaced while it is built, and put back
    afterwards: the config of the finished layer says what it always said.

    This is done for Keras's own layers and for variables that have an initialiser of their name
    (`kernel`, `kernel_initializer`); `taken` names the variables that got their values.

    Args:
        config: The config from which the new layer will be made.
        source: The layer whose config it is, with the variables' names.
        values: `id` of a variable of `source` to the value of its twin.

    Attributes:
        config: The config with other initialisers.
        taken: `id`s of the variables of `source` whose twins have their values.
    """

    def __init__(self, config: dict[str, Any], source: Any, values: dict[int, np.ndarray]):
        self.taken: set[int] = set()
        self._before: dict[str, Any] = {}
        self.config = dict(config)
        if not is_keras_operation(source):
            return
        for variable in getattr(source, "weights", ()):
            key = f"{variable.name}_initializer"
            own = getattr(source, variable.name, None) is variable
            if own and key in config and key in vars(source) and id(variable) in values:
                self._before[key] = config[key]
                self.config[key] = self._giver(id(variable), values[id(variable)])

    def _giver(self, identity: int, value: np.ndarray):
        def give(shape: tuple[int, ...], dtype: Any = None) -> Any:
            if tuple(shape) != value.shape:
                # Whoever copies the weights finds out and says what is wrong.
                return keras.ops.zeros(shape, dtype)
            self.taken.add(identity)
            return keras.ops.convert_to_tensor(value, dtype)

        return give

    def restore(self, layer: Any) -> None:
        """Puts the initialisers of the config back into a layer that is built."""
        for key, before in self._before.items():
            setattr(layer, key, keras.initializers.get(before))
