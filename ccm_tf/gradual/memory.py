"""What a pruning knows that is not in the weights of its model."""

import abc
import warnings
from typing import Any

import numpy as np

from ccm_tf.gradual.masks import ChannelMasks
from ccm_tf.gradual.state_file import StateFile


class Memory(abc.ABC):
    """Arrays that a pruning needs to go on as if it had not been interrupted.

    Attributes:
        arrays: They, by name.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}

    @abc.abstractmethod
    def fits(self, arrays: dict[str, Any]) -> bool:
        """Whether arrays could be those of the model in training."""

    def save(self, file: StateFile | None, step: int) -> None:
        """Writes the arrays, if there is a file and anything to write.

        Args:
            file: Where to.
            step: Steps that the model has done.
        """
        if file is not None and self.arrays:
            file.write(step, self.arrays)

    def resume(self, file: StateFile | None, step: int) -> None:
        """Takes the arrays that belong to a step; warns if a file has none.

        Args:
            file: Where from; `None` leaves all as it is.
            step: Steps that the model has done.
        """
        if file is None or not step or not file.steps:
            return
        found = file.read(step)
        if found is not None and self.fits(found):
            self.arrays = {name: np.array(array) for name, array in found.items()}
            return
        warnings.warn(
            f"'{file.path}' holds what belongs to the steps {file.steps}, but the model has done "
            f"{step}, or is another one: what had begun begins anew.",
            stacklevel=3,
        )


class Regrowth(Memory):
    """The weights that masked channels had, with which they may come back."""

    def __init__(self) -> None:
        super().__init__()
        self._shapes: list[tuple[int, ...]] = []

    def start(self, masks: ChannelMasks) -> None:
        """Forgets everything, for the model of some masks."""
        self.arrays = {}
        self._shapes = [value.shape for value in masks.values()]

    def fits(self, arrays: dict[str, Any]) -> bool:
        """See `Memory.fits`."""
        return [np.shape(array) for array in arrays.values()] == self._shapes

    def bring_back(self, masks: ChannelMasks) -> None:
        """Gives all channels the weights that they had, and remembers those of today."""
        if self.arrays:
            masks.restore(list(self.arrays.values()))
        masks.move(masks.graph.all_kept())
        self.arrays = {f"weight{i}": value for i, value in enumerate(masks.values())}
