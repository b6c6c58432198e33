"""Channels on their way out: how the pressure on each of them grows."""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ccm_tf.criteria import Ranking
from ccm_tf.gradual.memory import Memory
from ccm_tf.gradual.view import View

# The longest way that pressure grows without the channel having to go.
_ALMOST = np.float32(1 - 1e-6)


@dataclasses.dataclass(frozen=True)
class Look:
    """What a criterion says about the channels that are left.

    Attributes:
        view: The model without the others.
        rankings: The criterion's rankings of the view's channels.
        wanted: Boolean, over root labels of the whole model: what the schedule would keep.
    """

    view: View
    rankings: dict[int, Ranking]
    wanted: np.ndarray


class Rule(Memory):
    """Says how the pressure on each channel changes whenever pruning is due.

    Args:
        growth: Most by which the pressure on a channel grows each time, in (0, 1].

    Attributes:
        arrays: What the rule remembers, by name: one number for each root label, or one for all.
    """

    def __init__(self, growth: float):
        if isinstance(growth, bool) or not 0 < growth <= 1:
            raise ValueError(f"`growth` must be in (0, 1]. Received: growth={growth!r}.")
        super().__init__()
        self.growth = growth

    @property
    def pressure(self) -> np.ndarray:
        """How far each channel is on its way out, over root labels: 0 stays, 1 is gone."""
        return self.arrays["pressure"]

    def start(self, labels: int) -> None:
        """Forgets everything, for a model with so many labels."""
        self.arrays = {"pressure": np.zeros(labels, np.float32)}

    @abc.abstractmethod
    def advance(
        self,
        alive: np.ndarray,
        enough: Callable[[np.ndarray], bool],
        look: Callable[[np.ndarray], Look],
    ) -> None:
        """Changes the pressure.

        Args:
            alive: Boolean, over root labels: the channels that are not gone.
            enough: Whether the schedule asks for no more than that only these channels stay.
            look: What the criterion says about some channels; takes time.
        """

    def carry(self, origins: np.ndarray, labels_to_roots: np.ndarray) -> None:
        """Moves what is remembered over to the model that compaction left.

        Args:
            origins: See `ccm_tf.gradual.view.origins`.
            labels_to_roots: Root of every label of that model.
        """
        self.arrays = {
            name: array if array.ndim == 0 else array[origins][labels_to_roots]
            for name, array in self.arrays.items()
        }

    def fits(self, arrays: dict[str, Any]) -> bool:
        """See `Memory.fits`."""
        shapes = {name: array.shape for name, array in self.arrays.items()}
        return {name: np.shape(array) for name, array in arrays.items()} == shapes


class Chosen(Rule):
    """The channels that a criterion chooses once go; the pressure on them grows evenly.

    Args:
        growth: By how much it grows each time.
        pick_after: How often it grows on all channels before any is chosen. Defaults to 0.
    """

    def __init__(self, growth: float, pick_after: int = 0):
        super().__init__(growth)
        if pick_after < 0 or pick_after * growth >= 1:
            raise ValueError(
                "`pick_after` must be >= 0, and so small that no channel is gone before one is "
                f"chosen: `pick_after * growth < 1`. Received: pick_after={pick_after!r}, "
                f"growth={growth!r}."
            )
        self.pick_after = pick_after

    def start(self, labels: int) -> None:
        """See `Rule.start`."""
        super().start(labels)
        self.arrays["going"] = np.zeros(labels, bool)
        self.arrays["times"] = np.array(0)

    def advance(self, alive, enough, look):
        """See `Rule.advance`."""
        self.arrays["times"] = self.arrays["times"] + 1
        if self.arrays["times"] <= self.pick_after:
            self.arrays["pressure"] = np.where(alive, self.pressure + self.growth, 0).astype("f4")
            return
        going = self.arrays["going"] & alive
        if not enough(alive & ~going):
            going |= alive & ~going & ~look(alive & ~going).wanted
        self.arrays["going"] = going
        grown = np.where(going, self.pressure + self.growth, 0)
        # So many sums of shares have to reach a whole.
        self.arrays["pressure"] = np.where(grown > 1 - 1e-4, 1, grown).astype("f4")


class ByRank(Rule):
    """All channels compete: pressure rises on the last in rank and falls on the others.

    Args:
        growth: By how much it grows at most each time.
        tail: What is left of that for the middle of those that would have to go, in (0, 0.5].
            Defaults to 0.25.
    """

    def __init__(self, growth: float, tail: float = 0.25):
        super().__init__(growth)
        if not 0 < tail <= 0.5:
            raise ValueError(f"`tail` must be in (0, 0.5]. Received: tail={tail!r}.")
        self.tail = tail

    def start(self, labels: int) -> None:
        """See `Rule.start`."""
        super().start(labels)
        self.arrays["rank"] = np.zeros(labels)
        self.arrays["times"] = np.array(0)

    def advance(self, alive, enough, look):
        """See `Rule.advance`."""
        seen = look(alive)
        times = int(self.arrays["times"])
        pressure, rank = self.pressure.copy(), self.arrays["rank"].copy()
        for ranking in seen.rankings.values():
            roots = seen.view.origins[ranking.order[::-1]]
            rank[roots] = (times * rank[roots] + np.arange(len(roots))) / (times + 1)
            going = int(np.count_nonzero(~seen.wanted[roots]))
            if going:
                roots = roots[np.argsort(rank[roots], kind="stable")]
                steps = increments(np.arange(len(roots)), going, self.growth, self.tail)
                pressure[roots] = np.clip(pressure[roots] + steps, 0, 1)
                # No more are let go than have to.
                late = roots[pressure[roots] == 1][going:]
                pressure[late] = _ALMOST
        self.arrays.update(pressure=pressure, rank=rank, times=np.array(times + 1))


def increments(ranks: np.ndarray, going: int, most: float, tail: float = 0.25) -> np.ndarray:
    r"""By how much pressure changes, by rank.

    $$\Delta(r) = \begin{cases} A e^{-\alpha r} & r \le N \\
    2uA - A e^{-\alpha (2N - r)} & r > N \end{cases}, \quad
    \alpha = \frac{\ln 2 - \ln u}{R}, \quad N = -\frac{\ln u}{\alpha}$$

    It falls from A for the least important channel through 0 for the first that may stay, and is
    symmetrical about $(N, uA)$. The function of IncReg and SPP.

    Args:
        ranks: Ranks r, 0 for the least important channel.
        going: How many have to go, R, at least 1.
        most: A.
        tail: u, in (0, 0.5].
    """
    ranks = np.asarray(ranks, np.float64)
    alpha = (np.log(2) - np.log(tail)) / going
    center = -np.log(tail) / alpha
    before = most * np.exp(-alpha * ranks)
    after = 2 * tail * most - most * np.exp(-alpha * (2 * center - ranks))
    return np.where(ranks <= center, before, after)
