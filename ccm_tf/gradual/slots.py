"""The variables in which an optimizer remembers something about each weight."""

import dataclasses
from typing import Any

import keras


@dataclasses.dataclass(frozen=True)
class Slot:
    """One of them.

    Attributes:
        weight: Place of the weight in the list that was asked about.
        kind: What is remembered, for example `"momentum"` or `"average"`.
        variable: The optimizer's variable.
    """

    weight: int
    kind: str
    variable: Any


def slots_of(optimizer: Any, weights: list[keras.Variable]) -> list[Slot]:
    """Finds the variables of an optimizer that belong to some weights.

    Keras names a slot after the path of its weight. Weights of the same path have their slots in
    the order of the weights.

    Args:
        optimizer: A built `keras.optimizers.Optimizer`.
        weights: The weights that it was built for, in order.
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    keys = [weight.path.replace("/", "_") + "_" for weight in weights]
    places: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    counts: dict[str, int] = {}
    found = []
    for variable in optimizer.variables:
        fitting = [key for key in places if variable.name.startswith(key)]
        if not fitting:
            continue
        key = max(fitting, key=len)
        number = counts.get(variable.name, 0)
        counts[variable.name] = number + 1
        place = places[key][number % len(places[key])]
        found.append(Slot(place, variable.name[len(key) :], variable))
    return found
