"""What every kind of plan has: whose it is, what was asked for, what it saves."""

import abc
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras

from ccm_tf.graph import ChannelGraph


class BasePlan(abc.ABC):
    """A plan for one model, which `ccm_tf.rewrite` carries out.

    Args:
        fingerprint: `ChannelGraph.fingerprint` of the model that the plan is for.
        target: What was asked for, for example `{"macs": 0.5}`.
        counts: `{"dense": {...}, "kept": {...}}` with what is counted, such as `macs`.
        notes: What a reader should know.
    """

    def __init__(
        self,
        fingerprint: str,
        target: Mapping[str, float | int] | None = None,
        counts: Mapping[str, Mapping[str, int]] | None = None,
        notes: Iterable[str] = (),
    ):
        self.fingerprint = fingerprint
        self.target = dict(target or {})
        self.counts = {key: dict(value) for key, value in (counts or {}).items()}
        self.notes: list[str] = list(notes)

    @abc.abstractmethod
    def build(
        self,
        model: keras.Model,
        *,
        fold: str | None = None,
        data: Any = None,
        verbose: int = 0,
        trainable_rotations: bool = True,
    ) -> keras.Model:
        """The model that the plan describes; see `ccm_tf.rewrite`."""

    @abc.abstractmethod
    def head(self) -> str:
        """What the plan is, in one line."""

    @abc.abstractmethod
    def rows(self) -> Iterable[str]:
        """What becomes of each layer, one line each."""

    def check_model(self, graph: ChannelGraph) -> None:
        """Raises a `ValueError` if the plan is for another model than the graph's."""
        if self.fingerprint != graph.fingerprint:
            raise ValueError(
                f"This plan was made for another model (fingerprint {self.fingerprint}; "
                f"'{graph.trace.name}' has {graph.fingerprint}). Make a plan for this model."
            )

    def summary(self, print_fn: Callable[[str], None] = print) -> None:
        """Prints what becomes of each layer, and what the plan saves."""
        for line in self._lines():
            print_fn(line)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        asked = ", ".join(f"{key}={value}" for key, value in self.target.items())
        yield f"{self.head()}{', ' + asked if asked else ''})"
        yield from self.rows()
        for kind in self.counts.get("dense", ()):
            dense, kept = self.counts["dense"][kind], self.counts["kept"][kind]
            yield f"  {kind:<10} {dense:>15,} -> {kept:>15,}  ({kept / max(dense, 1):.1%})"
        for note in self.notes:
            yield f"  note: {note}"
