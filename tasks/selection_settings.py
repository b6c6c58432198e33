"""How channels are chosen: the part of the settings that all programs share."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ccm_tf.budget import TARGETS, TIMES, Budget, Limits
from ccm_tf.conversion.quantization import QUANTIZATIONS
from ccm_tf.criteria import get_criterion
from ccm_tf.fold import FOLDS
from ccm_tf.latency.table import LatencyTable
from ccm_tf.selection import SCOPES


@dataclasses.dataclass(frozen=True)
class Selection:
    """How to choose the channels that stay.

    Attributes:
        criterion: Name of a criterion of `ccm_tf.plan`.
        budget: How far to go; `None` if a plan is given instead.
        scope: "global", "relative", "local", or `None`: as the criterion says.
        keep: Layers whose channels all stay, names or patterns.
        batches: Batches of training images to look at.
        batch_size: Images in each.
        fold: `None` or "least_squares": what becomes of what the removed channels said.
        limits: Further arguments of `ccm_tf.plan`: `round_to`, `min_channels`, `max_ratio`,
            `ratios`, and `latency_table` if one is given.
        fold_images: Most images to fold with; `None` for all of those above.
        plan: A plan's JSON file that is applied as it is; `None` makes one.
        quantize: Kinds of numbers for which LiteRT files are written besides float32.
    """

    criterion: str
    budget: Budget | None
    scope: str | None
    keep: tuple[str, ...]
    batches: int
    batch_size: int
    fold: str | None = None
    limits: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    fold_images: int | None = None
    plan: str | None = None
    quantize: tuple[str, ...] = ()

    @classmethod
    def from_flags(cls, flags: dict[str, Any]) -> "Selection":
        """Builds and checks a selection.

        Args:
            flags: Name of every flag of `tasks.flags.define_selection` to its value; a program
                with a flag --plan passes that too.

        Raises:
            ValueError: If a value makes no sense; the message names the flag.
        """
        get_criterion(flags["criterion"])
        scope, batches = flags["scope"], flags["statistics_batches"]
        require(scope in (None, *SCOPES), "scope", scope, f"one of {SCOPES}")
        require(batches >= 1, "statistics_batches", batches, "at least 1")
        folds = ("none", *FOLDS)
        require(flags["fold"] in folds, "fold", flags["fold"], f"one of {folds}")
        limits = {
            "round_to": flags["round_to"],
            "min_channels": flags["min_channels"],
            "max_ratio": flags["max_ratio"],
            "ratios": _ratios(flags["ratios"]),
        }
        Limits(tuple(flags["keep"]), **limits)
        if flags["latency_table"]:
            limits["latency_table"] = LatencyTable.load(flags["latency_table"])
        plan = flags.get("plan") or None
        return cls(
            criterion=flags["criterion"],
            budget=_budget(flags, plan),
            scope=scope,
            keep=tuple(flags["keep"]),
            batches=batches,
            batch_size=128,
            fold=None if flags["fold"] == "none" else flags["fold"],
            limits=limits,
            plan=plan,
            quantize=_quantized(flags["quantize"]),
        )


def _budget(flags: dict[str, Any], plan: str | None) -> Budget | None:
    targets = {kind: _number(kind, flags[kind]) for kind in (*TARGETS, *TIMES)}
    given = [kind for kind, value in targets.items() if value is not None]
    if plan and given:
        raise ValueError(
            f"--plan says which channels stay, and --{given[0]} asks to choose them. Pass one of "
            "the two."
        )
    if plan:
        return None
    if not given:
        raise ValueError(
            "Nothing says how far to prune. Pass one of "
            f"{', '.join(f'--{t}' for t in (*TARGETS, *TIMES))}, "
            "for example --macs=0.3 to leave at most 30 % of the multiply-accumulates."
        )
    return Budget.of(**targets)


def _number(kind: str, value: float | None) -> float | int | None:
    """Above 1 a target is a number of channels, weights or multiply-accumulates."""
    if value is None or kind in ("energy", *TIMES) or value <= 1 or value != int(value):
        return value
    return int(value)


def _quantized(names: list[str]) -> tuple[str, ...]:
    known = [name for name in QUANTIZATIONS if name]
    for name in names:
        require(name in known, "quantize", ",".join(names), f"some of {', '.join(known)}")
    return tuple(dict.fromkeys(names))


def _ratios(pairs: list[str]) -> dict[str, float]:
    found = {}
    for pair in pairs:
        pattern, _, share = pair.rpartition(":")
        try:
            found[pattern] = float(share)
        except ValueError:
            pattern = ""
        require(bool(pattern), "ratios", pair, "pairs of a layer and a share, as conv1:0.5")
    return found


def require(fits: bool, flag: str, value: Any, expected: str) -> None:
    """Raises a `ValueError` that names a flag, unless its value fits."""
    if not fits:
        raise ValueError(f"--{flag} must be {expected}. Received: --{flag}={value}")
