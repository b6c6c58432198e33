"""What a run of `tasks.cifar_eigendamage` computes, beside what all programs share."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ccm_tf.criteria import criteria
from ccm_tf.kfe.planner import SCOPES
from ccm_tf.kfe.separable import FITS
from tasks.settings import Settings

PROTOCOLS = ("one_pass", "iterative")
EIGENDAMAGE = "eigendamage"


@dataclasses.dataclass(frozen=True)
class Rounds:
    """How a network is pruned, round by round.

    Attributes:
        method: "eigendamage", or the name of a criterion that removes whole channels.
        protocol: "one_pass": every ratio starts from the dense network; "iterative": every round
            goes on with what the one before left.
        ratios: Share of the directions (or channels) that each round drops.
        max_ratio: Largest share that a side of a layer loses in a round.
        scope: How layers are compared: "global", as published, or "relative"; for criteria also
            "local".
        rescale: Whether eigenvalues are rescaled (EKFAC).
        separable: `None`, "frobenius" or "fisher": depthwise cores.
        trainable_rotations: Whether rotations learn in fine-tuning.
    """

    method: str
    protocol: str
    ratios: tuple[float, ...]
    max_ratio: float
    scope: str
    rescale: bool
    separable: str | None
    trainable_rotations: bool

    @classmethod
    def from_flags(cls, flags: Mapping[str, Any]) -> "Rounds":
        """Builds and checks them.

        Raises:
            ValueError: If a value makes no sense; the message names the flag.
        """
        methods = (EIGENDAMAGE, *criteria())
        _require("method", flags["method"], methods)
        _require("protocol", flags["protocol"], PROTOCOLS)
        _require("separable", flags["separable"], ("none", *FITS))
        if flags["method"] == EIGENDAMAGE:
            _require("scope", flags["scope"] or "global", SCOPES)
        ratios = tuple(_ratio(value) for value in flags["ratio"])
        if not ratios:
            raise ValueError("--ratio needs at least one share, for example --ratio=0.5,0.9.")
        return cls(
            method=flags["method"],
            protocol=flags["protocol"],
            ratios=ratios,
            max_ratio=flags["max_ratio"],
            scope=flags["scope"] or "global",
            rescale=flags["rescale"],
            separable=None if flags["separable"] == "none" else flags["separable"],
            trainable_rotations=flags["trainable_rotations"],
        )

    def start(self, number: int) -> str:
        """The file from which round `number`, from 1 on, starts."""
        first = number == 1 or self.protocol == "one_pass"
        return "dense.keras" if first else f"finetuned_{number - 1}.keras"


@dataclasses.dataclass(frozen=True)
class EigenSettings(Settings):
    """The settings of a run with rounds."""

    rounds: Rounds = None  # type: ignore[assignment]


def _require(flag: str, value: Any, options: tuple[str, ...]) -> None:
    if value not in options:
        raise ValueError(
            f"--{flag} must be one of {', '.join(options)}. Received: --{flag}={value}"
        )


def _ratio(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise ValueError(
            f"--ratio takes shares between 0 and 1, such as 0.4,0.5. Received: {text!r}"
        )
    return value
