"""What a plan says about one layer: the directions that stay, and the spectra behind them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Directions:
    """A layer that becomes a bottleneck.

    Attributes:
        inputs: Input directions that stay, as columns, (inputs of the core, r_in).
        outputs: Output directions that stay, likewise (outputs of the core, r_out).
        taps: Depthwise kernel (taps, r), if the core becomes depthwise; `inputs` and `outputs`
            then hold its pointwise parts too. `None` otherwise: the core is the layer's own
            kernel along the directions.
    """

    inputs: np.ndarray
    outputs: np.ndarray
    taps: np.ndarray | None = None

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that are there, by name."""
        return present(self)


@dataclasses.dataclass(frozen=True, eq=False)
class Spectrum:
    """What the planner saw of one layer, for reports.

    Attributes:
        input_values: Eigenvalues of the input factor, ascending.
        output_values: Eigenvalues of the gradient factor, ascending.
        input_scores: Importance of each input direction.
        output_scores: Importance of each output direction.
        kept_inputs: Which input directions stay; all of them where the layer is left alone.
        kept_outputs: Which output directions stay.
    """

    input_values: np.ndarray
    output_values: np.ndarray
    input_scores: np.ndarray
    output_scores: np.ndarray
    kept_inputs: np.ndarray
    kept_outputs: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name."""
        return present(self)


def present(value: Any) -> dict[str, np.ndarray]:
    """The fields of a dataclass that are not `None`."""
    fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return {name: array for name, array in fields.items() if array is not None}


def packed(kind: str, table: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Arrays of a table of objects under the names `kind/number/field`, for one file."""
    return {
        f"{kind}/{number}/{field}": array
        for number, value in enumerate(table.values())
        for field, array in value.arrays().items()
    }


def unpacked(
    kind: str, names: list[str], arrays: Mapping[str, np.ndarray], cls: type
) -> dict[str, Any]:
    """The objects that `packed` took apart."""
    fields = [field.name for field in dataclasses.fields(cls)]
    return {
        name: cls(
            **{
                field: arrays[f"{kind}/{number}/{field}"]
                for field in fields
                if f"{kind}/{number}/{field}" in arrays
            }
        )
        for number, name in enumerate(names)
    }
