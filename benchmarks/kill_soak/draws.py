"""Who is killed when: every victim in every phase, as evenly as the number of kills allows."""

import itertools
import random
from collections.abc import Sequence

from benchmarks.kill_soak.phases import PHASES

VICTIMS = ("chief", "worker", "both")


def drawn(kills: int, seed: int) -> list[dict]:
    """The kills to make, in a random order.

    Args:
        kills: How many. With 12 or more, each victim is killed in each phase.
        seed: Of the draws.

    Returns:
        Per kill the phase, the victim, and where in the phase: a number between 0 and 1.
    """
    draws = random.Random(seed)
    pairs: list[tuple[str, str]] = []
    while len(pairs) < kills:
        once = list(itertools.product(PHASES, VICTIMS))
        draws.shuffle(once)
        pairs += once
    return [
        {"phase": phase, "victim": victim, "place": draws.random()}
        for phase, victim in pairs[:kills]
    ]


def next_run(left: Sequence[dict], most: int) -> list[dict]:
    """What one run is to suffer of the kills that are left, in the order of its phases.

    Args:
        left: Kills to make.
        most: So many at most.
    """
    order = list(PHASES)
    return sorted(left[:most], key=lambda kill: order.index(kill["phase"]))
