"""What a plan must meet: one target, and limits for every layer."""

import dataclasses
import fnmatch
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ccm_tf.graph import ChannelGraph

TARGETS = ("energy", "channels", "macs", "params", "bytes")
# Targets in time, which a latency table predicts: see `ccm_tf.latency.budget`.
TIMES = ("latency", "latency_ms")


def _is_count(value: Any) -> bool:
    return bool(value >= 1 if isinstance(value, (int, np.integer)) else 0 < value <= 1)


# Kind of target to what its value must be, in words and as a test.
_COUNT = ("a fraction in (0, 1] or an integer", _is_count)
_EXPECTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "energy": ("in (0, 1]", lambda value: 0 < value <= 1),
    "latency": ("a fraction in (0, 1] of the dense model's latency", lambda value: 0 < value <= 1),
    "latency_ms": ("milliseconds above 0", lambda value: 0 < value < float("inf")),
}


@dataclasses.dataclass(frozen=True)
class Budget:
    """How much may be left.

    Attributes:
        kind: `"energy"`, `"channels"`, `"macs"`, `"params"`, `"bytes"`, `"latency"` or
            `"latency_ms"`.
        value: An energy in (0, 1]; a part of the dense model's latency in (0, 1]; milliseconds;
            otherwise a fraction of the dense model in (0, 1] or, as an integer, an absolute
            number.
    """

    kind: str
    value: float | int

    @classmethod
    def of(cls, **targets: float | int | None) -> "Budget":
        """The one target that is given.

        Raises:
            ValueError: If none or several are given, or the value makes no sense.
        """
        given = {kind: value for kind, value in targets.items() if value is not None}
        if len(given) != 1:
            raise ValueError(
                f"Give exactly one of {', '.join(f'`{t}`' for t in (*TARGETS, *TIMES))}. "
                f"Received: {given or 'none of them'}."
            )
        ((kind, value),) = given.items()
        number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        expected, fits = _EXPECTED.get(kind, _COUNT)
        if not (number and fits(value)):
            raise ValueError(f"Argument `{kind}` must be {expected}. Received: {kind}={value!r}.")
        return cls(kind, value)

    def limit(self, dense: int) -> int:
        """The largest count that meets the target, given the dense model's."""
        whole = isinstance(self.value, (int, np.integer))
        return int(self.value) if whole else int(np.floor(self.value * dense))

    def said(self, count: int) -> str:
        """A count with its unit, for messages."""
        return f"{count:,} {self.kind}"

    def cost(self, graph: ChannelGraph) -> Callable[[np.ndarray], int]:
        """Function from a mask over roots to what is counted; no model is built.

        Raises:
            ValueError: If MACs are asked for and the input of the model has unknown sizes.
        """
        if self.kind == "params":
            return graph.params
        if self.kind == "bytes":
            return graph.bytes
        if self.kind == "channels":
            roots = [producer.roots for producer in graph.producers]
            return lambda mask: int(sum(np.count_nonzero(mask[r]) for r in roots))
        if any(size is None for t in graph.trace.flat_inputs for size in t.shape[1:]):
            raise ValueError(
                "MACs cannot be counted: the model's input has unknown sizes "
                f"{[t.shape for t in graph.trace.flat_inputs]}. Build the model for the size that "
                "it will run at, or ask for `params` or `channels`."
            )
        return graph.macs


@dataclasses.dataclass(frozen=True)
class Limits:
    """What holds for every layer, whatever the target.

    Attributes:
        keep: Layers, names or patterns (`"stage3_*"`) whose channels all stay.
        ratios: Name or pattern to the share of channels that these layers lose, in [0, 1), instead
            of what the target would take.
        round_to: Kept widths are multiples of it, where the dense ones are.
        min_channels: Fewest channels that a layer keeps.
        max_ratio: Largest share of channels that a layer may lose, in [0, 1].
        floors: Name of a layer to the fewest channels that it keeps, besides the above.
    """

    keep: Iterable[Any] = ()
    ratios: Mapping[str, float] = dataclasses.field(default_factory=dict)
    round_to: int | None = None
    min_channels: int = 1
    max_ratio: float = 0.95
    floors: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for name in ("round_to", "min_channels"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, (int, np.integer)) or value < 1):
                raise ValueError(
                    f"Argument `{name}` must be a positive integer. Received: {name}={value!r}."
                )
        if not 0 <= self.max_ratio <= 1:
            raise ValueError(
                "Argument `max_ratio` must be in [0, 1]: the largest share of channels that a "
                f"layer may lose. Received: max_ratio={self.max_ratio!r}."
            )
        for pattern, ratio in self.ratios.items():
            if not 0 <= ratio < 1:
                raise ValueError(
                    "A ratio is the share of channels to remove, in [0, 1). "
                    f"Received: ratios={{{pattern!r}: {ratio!r}}}."
                )

    def protected(self, graph: ChannelGraph) -> np.ndarray:
        """Mask of the roots that `keep` names."""
        mask = np.zeros(len(graph.labels_to_roots), bool)
        for item in [self.keep] if isinstance(self.keep, str) else self.keep:
            for producer in matching(graph, item, "keep"):
                mask[producer.roots] = True
        return mask

    def least(self, width: int, name: str = "") -> int:
        """Fewest channels that a layer of some width (and name) keeps."""
        allowed = width - int(np.floor(self.max_ratio * width + 1e-9))
        return min(width, max(1, self.min_channels, allowed, self.floors.get(name, 1)))


def matching(graph: ChannelGraph, item: Any, argument: str) -> list[Any]:
    """The producers that a layer, a name or a pattern means.

    Raises:
        ValueError: If there are none; the message lists all producers.
    """
    pattern = item if isinstance(item, str) else getattr(item, "name", item)
    found = [p for p in graph.producers if fnmatch.fnmatchcase(p.name, str(pattern))]
    if not found:
        names = ", ".join(p.name for p in graph.producers)
        raise ValueError(
            f"`{argument}` names no layer that makes channels. Received: {item!r}. Layers that "
            f"do: {names}."
        )
    return found
