"""Budgets in time: what a latency table says a plan takes."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from ccm_tf.budget import Budget, Limits
from ccm_tf.criteria import Ranking
from ccm_tf.graph import ChannelGraph
from ccm_tf.latency.proof import Measured
from ccm_tf.latency.table import LatencyTable
from ccm_tf.latency.work import model_work
from ccm_tf.selection import Selection, select

# Costs are whole numbers of nanoseconds.
_PER_MS = 1_000_000
# Plans that are measured at most, and how close to the target one has to come to be the last.
_PROOFS = 4
_CLOSE = 0.02


@dataclasses.dataclass(frozen=True)
class LatencyBudget(Budget):
    """How long a plan may take.

    Attributes:
        kind: `"latency"` or `"latency_ms"`.
        value: A part of the dense model's latency in (0, 1], or milliseconds.
        table: Times of operators on the device that counts.
    """

    table: LatencyTable

    def limit(self, dense: int) -> int:
        """The largest cost that meets the target, given the dense model's."""
        part = self.value * dense if self.kind == "latency" else self.value * _PER_MS
        return int(part)

    def said(self, count: int) -> str:
        """A cost in milliseconds, for messages."""
        return f"{count / _PER_MS:.3g} ms"

    def cost(self, graph: ChannelGraph) -> Callable[[np.ndarray], int]:
        """Function from a mask over roots to predicted nanoseconds; no model is built.

        Raises:
            ValueError: If the model leaves sizes open, or the table lacks one of its operators.
        """
        works = model_work(graph).works
        return lambda mask: round(_PER_MS * self.table.total(works, graph.kept(mask)))


def select_in_time(
    graph: ChannelGraph,
    rankings: dict[int, Ranking],
    budget: LatencyBudget,
    limits: Limits,
    scope: str,
    proof: Callable[[np.ndarray], Measured] | None = None,
) -> Selection:
    """Chooses the channels that stay, and the multiple that widths are rounded to.

    Processors take channels in steps. Whether plans should follow these steps depends on the
    model, so where `limits.round_to` leaves it open, plans with and without are made, and that is
    taken which gets most multiply-accumulates done in the allowed time.

    A sum over operators is not quite what a network takes, in which they share caches. Where there
    is a proof, a plan is measured, and as long as it misses the target, the next one is made for a
    prediction that is corrected by as much.

    Args:
        graph: The channel graph.
        rankings: As for `ccm_tf.selection.select`.
        budget: The target.
        limits: What holds for every layer.
        scope: As for `ccm_tf.selection.select`.
        proof: Measures the model and a slim copy of it. Defaults to `None`: the table is trusted.

    Returns:
        The `Selection`; its notes say what was predicted, for which device, and what was measured.

    Raises:
        ValueError: If no plan can meet the target.
    """
    chosen = _predicted(graph, rankings, budget, limits, scope)
    if proof is None:
        return chosen
    return _proved(
        budget, chosen, proof, lambda aim: _predicted(graph, rankings, aim, limits, scope)
    )


def _proved(
    budget: LatencyBudget,
    chosen: Selection,
    proof: Callable[[np.ndarray], Measured],
    choose: Callable[[LatencyBudget], Selection],
) -> Selection:
    """The selection, of a few, whose measured time is closest to the target."""
    tried: list[tuple[float, Selection, Measured]] = []
    aim, most = budget, 1.0 if budget.kind == "latency" else math.inf
    while True:
        measured = proof(chosen.mask)
        reached = measured.slim / measured.dense if budget.kind == "latency" else measured.slim
        off = reached / budget.value
        tried.append((abs(math.log(off)), chosen, measured))
        if abs(off - 1) <= _CLOSE or len(tried) == _PROOFS:
            break
        aim = dataclasses.replace(aim, value=min(aim.value / off, most))
        try:
            chosen = choose(aim)
        except ValueError:
            # Nothing more can go; what was measured so far has to do.
            break
    _, chosen, measured = min(tried, key=lambda one: one[0])
    note = (
        f"Measured here: {measured.dense:.3g} ms -> {measured.slim:.3g} ms "
        f"({measured.slim / measured.dense:.1%})."
    )
    return dataclasses.replace(chosen, notes=(*chosen.notes, note))


def _predicted(
    graph: ChannelGraph,
    rankings: dict[int, Ranking],
    budget: LatencyBudget,
    limits: Limits,
    scope: str,
) -> Selection:
    """The selection that meets the target as the table predicts."""
    steps = budget.table.candidates() if limits.round_to is None else [limits.round_to]
    found: dict[int, Selection] = {}
    refusals = []
    for step in steps:
        try:
            rounded = dataclasses.replace(limits, round_to=step)
            found[step] = select(graph, rankings, budget, rounded, scope)
        except ValueError as error:
            refusals.append(error)
    if not found:
        raise refusals[0]
    best = max(found, key=lambda step: graph.macs(found[step].mask))
    selection = found[best]
    return dataclasses.replace(
        selection,
        notes=(*selection.notes, *_notes(graph, budget, selection.mask, best, sorted(found))),
    )


def _notes(
    graph: ChannelGraph, budget: LatencyBudget, mask: np.ndarray, best: int, tried: list[int]
) -> list[str]:
    table, cost = budget.table, budget.cost(graph)
    dense, kept = cost(graph.all_kept()), cost(mask)
    notes = [
        f"Predicted latency in {table.dtype}, threads: {table.threads}, on {table.device}: "
        f"{budget.said(dense)} -> {budget.said(kept)} ({kept / max(dense, 1):.1%})."
    ]
    if len(tried) > 1:
        chosen = "left as they are" if best == 1 else f"multiples of {best}"
        others = ", ".join(str(step) for step in tried)
        notes.append(
            f"Widths are {chosen}: of the multiples {others} that does most in the allowed time."
        )
    unknown = model_work(graph).unknown
    if unknown:
        notes.append(f"Nothing is known of the latency of: {', '.join(unknown)}.")
    return notes
