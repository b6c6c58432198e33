"""A share of channels for a budget of MACs, for a tool that only takes shares of channels."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Found:
    """What a search ended with.

    Attributes:
        ratio: Share of channels to remove.
        part: MACs that stay with it, as a part of the dense network's.
        tries: How many shares were tried.
        within: Whether the part is within the tolerance.
    """

    ratio: float
    part: float
    tries: int
    within: bool


def ratio_for(
    part_at: Callable[[float], float], target: float, tolerance: float = 0.01, most: int = 16
) -> Found:
    """Halves the interval of shares until what stays is near the target.

    More removed channels leave fewer MACs, in steps, since channels are whole: a target between
    two steps cannot be met, and the nearest part found is returned then.

    Args:
        part_at: From the share of channels to remove to the part of the MACs that stays.
        target: Wanted part, between 0 and 1.
        tolerance: How far off it may be, relative to the target. Defaults to 0.01.
        most: How many shares to try at most. Defaults to 16.

    Returns:
        The first share within the tolerance, or else the nearest one tried.

    Raises:
        ValueError: If the target is not between 0 and 1.
    """
    if not 0 < target < 1:
        raise ValueError(f"Argument `target` must be between 0 and 1. Received: target={target}")
    low, high = 0.0, 1.0
    best = Found(0.0, 1.0, 0, False)
    for tries in range(1, most + 1):
        ratio = (low + high) / 2
        part = part_at(ratio)
        off = abs(part / target - 1)
        if off < abs(best.part / target - 1):
            best = Found(ratio, part, tries, off <= tolerance)
        if best.within:
            return best
        if part > target:
            low = ratio
        else:
            high = ratio
    return dataclasses.replace(best, tries=most)
