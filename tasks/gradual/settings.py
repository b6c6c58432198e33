"""What a run of `tasks.cifar_gradual` computes, beside what all programs share."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ccm_tf.criteria import criteria
from ccm_tf.schedules import EveryNEpochs, PCAEnergy, PolynomialDecay, Schedule
from tasks.settings import Settings

FRS = "frs"


@dataclasses.dataclass(frozen=True)
class Gradually:
    """How channels go while the network trains.

    Attributes:
        method: "frs", or the name of a criterion.
        every: Epochs from one pruning to the next (n of FRS).
        channels: Channels that go each time (x of FRS).
        first: Epoch of the first pruning, for other methods than "frs".
        until: Epoch of the last pruning (N1 of FRS).
        sparsity: Share of the multiply-accumulates that is gone at the end.
        energy: Share of the energy that is left at the end, instead of `sparsity`.
        reference: Whether relevance follows the published code where that departs from the paper.
    """

    method: str
    every: int
    channels: int
    first: int
    until: int
    sparsity: float
    energy: float | None
    reference: bool

    @property
    def criterion(self) -> str:
        """Name of the criterion."""
        return "relevance" if self.method == FRS else self.method

    def schedule(self, steps_per_epoch: int) -> Schedule:
        """The schedule, in epochs for FRS and in steps otherwise.

        Args:
            steps_per_epoch: Steps in an epoch.
        """
        if self.method == FRS:
            return EveryNEpochs(self.every, self.channels, self.until)
        begin, end = self.first * steps_per_epoch, self.until * steps_per_epoch
        frequency = self.every * steps_per_epoch
        if self.energy is not None:
            return PCAEnergy(1.0, self.energy, begin, end, frequency=frequency)
        return PolynomialDecay(0.0, self.sparsity, begin, end, frequency=frequency)

    @classmethod
    def from_flags(cls, flags: Mapping[str, Any]) -> "Gradually":
        """Builds and checks them.

        Raises:
            ValueError: If a value makes no sense; the message names the flag.
        """
        made = cls(
            method=flags["method"],
            every=flags["prune_every"],
            channels=flags["prune_channels"],
            first=flags["prune_from"],
            until=flags["prune_until"],
            sparsity=flags["sparsity"],
            energy=flags["final_energy"],
            reference=flags["reference"],
        )
        methods = (FRS, *criteria())
        if made.method not in methods:
            raise ValueError(
                f"--method must be one of {', '.join(methods)}. Received: --method={made.method}"
            )
        if made.until >= flags["epochs"]:
            raise ValueError(
                "--prune_until must be less than --epochs, so that the network can settle. "
                f"Received: --prune_until={made.until}, --epochs={flags['epochs']}"
            )
        if made.method != FRS and (made.until - made.first) % made.every:
            raise ValueError(
                "The last pruning is missed: --prune_until minus --prune_from must be a multiple "
                f"of --prune_every. Received: {made.until}, {made.first} and {made.every}"
            )
        made.schedule(1)
        return made


@dataclasses.dataclass(frozen=True)
class GradualSettings(Settings):
    """The settings of a run."""

    gradually: Gradually = None  # type: ignore[assignment]

    credits = (
        "CCM-loss: Wang et al., arXiv 2310.06344. Feature relevance scores: Aketi et al., "
        "arXiv 2002.09958."
    )
