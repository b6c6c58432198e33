"""The Kronecker factors of one layer, as sums that can be merged."""

import dataclasses
from typing import Any

import numpy as np

_GATHERED = ("input_sum", "output_sum", "patch_sum", "examples", "positions")


@dataclasses.dataclass(eq=False)
class LayerFactors:
    """Sums over examples from which a layer's factors follow.

    Attributes:
        name: Name of the layer.
        taps: Kernel positions K.
        input_sum: Gram matrix of what the taps read, float64 (inputs, inputs).
        output_sum: Gram matrix of the gradients, float64 (outputs, outputs).
        patch_sum: Gram matrix of whole patches, tap by tap, with a constant 1 behind them if the
            layer has a bias; `None` unless asked for.
        examples: Number of examples seen.
        positions: Number of output positions seen, over all examples and calls.
    """

    name: str
    taps: int
    input_sum: np.ndarray
    output_sum: np.ndarray
    patch_sum: np.ndarray | None = None
    examples: int = 0
    positions: int = 0

    @classmethod
    def of(cls, block: Any, patches: bool = False) -> "LayerFactors":
        """Empty sums for a block."""
        taps, inputs, outputs = block.shape
        size = taps * inputs + (block.op.bias is not None)
        return cls(
            block.name,
            taps,
            np.zeros((inputs, inputs)),
            np.zeros((outputs, outputs)),
            np.zeros((size, size)) if patches else None,
        )

    @property
    def inputs(self) -> int:
        """Number of input channels."""
        return len(self.input_sum)

    @property
    def outputs(self) -> int:
        """Number of output channels."""
        return len(self.output_sum)

    @property
    def omega(self) -> np.ndarray:
        """Second moment of the inputs, summed over positions and averaged over taps."""
        return self.input_sum / (self._examples() * self.taps)

    @property
    def gamma(self) -> np.ndarray:
        """Second moment of the gradients, averaged over positions."""
        self._examples()
        return self.output_sum / self.positions

    @property
    def patch_omega(self) -> np.ndarray:
        """Second moment of whole patches, summed over positions.

        Raises:
            ValueError: If it was not gathered.
        """
        if self.patch_sum is None:
            raise ValueError(
                f"The factors of layer '{self.name}' hold no patches. Gather them with "
                "`kronecker_factors(..., patches=True)`."
            )
        return self.patch_sum / self._examples()

    def update(
        self,
        examples: int,
        inputs: np.ndarray,
        gradients: np.ndarray,
        positions: int,
        patches: np.ndarray | None = None,
    ) -> None:
        """Adds the sums of one batch, with `positions` output positions per example.

        Raises:
            ValueError: If they are not finite.
        """
        for what, values in (("inputs", inputs), ("gradients", gradients)):
            if not np.all(np.isfinite(values)):
                raise ValueError(
                    f"The {what} of layer '{self.name}' hold NaN or infinity for a batch of "
                    f"{examples} examples (after {self.examples}). Check the data and the "
                    "weights, and that the loss is finite."
                )
        self._add(examples, int(examples * positions), inputs, gradients, patches)

    def merge(self, other: "LayerFactors") -> "LayerFactors":
        """Adds the sums of other data, and returns the object itself.

        Raises:
            ValueError: If only one of the two holds patches.
        """
        if (self.patch_sum is None) != (other.patch_sum is None):
            raise ValueError(f"Only one of the factors of layer '{self.name}' holds patches.")
        self._add(
            other.examples, other.positions, other.input_sum, other.output_sum, other.patch_sum
        )
        return self

    def state(self) -> dict[str, Any]:
        """All that was gathered, as numbers and arrays."""
        return {name: getattr(self, name) for name in _GATHERED}

    def restore(self, state: dict[str, Any]) -> None:
        """Puts in the place of what was gathered what `state` returned elsewhere."""
        for name in _GATHERED:
            setattr(self, name, state[name])

    def _add(self, examples, positions, inputs, gradients, patches) -> None:
        self.input_sum += inputs
        self.output_sum += gradients
        if self.patch_sum is not None:
            self.patch_sum += patches
        self.examples += examples
        self.positions += positions

    def _examples(self) -> int:
        if not self.examples:
            raise ValueError(f"The factors of layer '{self.name}' have seen no example yet.")
        return self.examples
