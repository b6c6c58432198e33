"""What is compared: a new row is a new entry here."""

import dataclasses
from typing import Any

BUDGETS = (0.5, 0.25)
# How tables call the two.
OURS, THEIRS = "ccm_tf", "Torch-Pruning"


@dataclasses.dataclass(frozen=True)
class Own:
    """A method of this library.

    Attributes:
        name: How tables call it.
        criterion: Name of the criterion.
        arguments: Arguments of the criterion.
        fold: `fold` of `ccm_tf.rewrite`.
    """

    name: str
    criterion: str
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    fold: str | None = None


@dataclasses.dataclass(frozen=True)
class Peer:
    """A method of Torch-Pruning's `BasePruner`.

    Attributes:
        name: How tables call it.
        importance: Class in `torch_pruning.importance`.
        arguments: Its arguments.
        global_pruning: Whether channels of all layers are ranked together; if not, every layer
            loses the same share.
        gradients: Whether it needs gradients of the loss.
    """

    name: str
    importance: str
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    global_pruning: bool = True
    gradients: bool = False


def _both_ways(name: str, *details: Any, **more: Any) -> list[Own]:
    """The same plan, with the removed channels' share folded away and without."""
    plain = Own(name, *details, **more)
    folded = dataclasses.replace(plain, name=f"{name}, folded", fold="least_squares")
    return [plain, folded]


_MAGNITUDE, _TAYLOR = "GroupMagnitudeImportance", "GroupTaylorImportance"

OWN: tuple[Own, ...] = (
    *_both_ways("magnitude", "magnitude"),
    *_both_ways("taylor, by layer mean", "taylor", {"normalization": "mean"}),
    *_both_ways("pca", "pca"),
    *_both_ways("taylor", "taylor"),
    *_both_ways("group magnitude", "group_magnitude"),
)

PEERS: tuple[Peer, ...] = (
    Peer("group L2, global", _MAGNITUDE, {"p": 2}),
    Peer("group Taylor, global", _TAYLOR, gradients=True),
    Peer("group L2, every layer alike", _MAGNITUDE, {"p": 2}, global_pruning=False),
    Peer("group Taylor, every layer alike", _TAYLOR, global_pruning=False, gradients=True),
    Peer("LAMP, global", "LAMPImportance", {"p": 2}),
    Peer("BN scale, global", "BNScaleImportance"),
    Peer("group L1, global", _MAGNITUDE, {"p": 1}),
)
