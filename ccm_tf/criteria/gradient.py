"""Criteria that ask what the loss would do without a channel."""

import abc
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import NORMALIZATIONS, check_option, normalized, ranked
from ccm_tf.criteria.streaming import Seen, seen_in_maps
from ccm_tf.statistics.accumulate import accumulated
from ccm_tf.statistics.gradients import gate_gradients
from ccm_tf.statistics.objective import Objective


class GradientCriterion(Criterion):
    """A criterion that scores units by the derivative of each sample's loss along their gate.

    A unit seen in several places (residual streams) has one gate for all of them: its derivative
    is the sum, with signs, of those of the places. Channels that no feature map shows are not
    ranked, so they stay; a warning names their groups.

    Args:
        loss: See `ccm_tf.statistics.objective.Objective`. Defaults to `None`, cross-entropy.
        normalization: `"mean"`, `"max"` or `"none"`. Defaults to `"none"`.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.
    """

    needs_data = True
    needs_labels = True

    @property
    def scope(self) -> str:  # type: ignore[override]
        """Relative, unless a normalization makes scores comparable already."""
        return "relative" if self.normalization == "none" else "global"

    def __init__(
        self,
        loss: Any = None,
        normalization: str = "none",
        batch_size: int = 128,
        max_batches: int | None = None,
    ):
        self.loss = loss
        self.normalization = check_option("normalization", normalization, NORMALIZATIONS)
        self.batch_size = batch_size
        self.max_batches = max_batches

    @abc.abstractmethod
    def importance(self, derivatives: np.ndarray) -> np.ndarray:
        """Score of each entry.

        Args:
            derivatives: Derivative of each sample's loss along each gate, (B, units), float64.
        """

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`; `data` holds labels."""
        self.check_data(data)
        maps, groups = seen_in_maps([group for group in graph.groups if len(group.roots)])
        if not groups:
            return {}

        def update(found: dict[str, Any], gradients: list[np.ndarray]) -> None:
            found["samples"] += len(gradients[0])
            for group, total in zip(groups, found["sums"], strict=True):
                total += self.importance(_along_gates(group, gradients)).sum(axis=0)

        def start() -> dict[str, Any]:
            return {"samples": 0, "sums": [np.zeros(len(group.roots)) for group in groups]}

        found = accumulated(
            data,
            lambda part: gate_gradients(graph, part, maps, **self.options(verbose)),
            start,
            update,
        )
        return {
            group.index: ranked(
                group.roots, normalized(total / found["samples"], self.normalization)
            )
            for group, total in zip(groups, found["sums"], strict=True)
        }

    def check_labels(self, graph: Any, labels: Iterable[Any]) -> None:
        """See `Criterion.check_labels`."""
        objective = Objective(graph.trace, self.loss)
        for values in labels:
            objective.targets(values)

    def options(self, verbose: int) -> dict[str, Any]:
        """What the pass over the data needs to know."""
        return {
            "loss": self.loss,
            "batch_size": self.batch_size,
            "max_batches": self.max_batches,
            "verbose": verbose,
        }

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments; a loss that is an object becomes its config or name."""
        return {**super().get_config(), "loss": _serialized(self.loss)}


def _along_gates(group: Seen, gradients: list[np.ndarray]) -> np.ndarray:
    total = np.zeros((len(gradients[0]), len(group.roots)))
    for view in group.views:
        total[:, view.units] += gradients[view.feature_map][:, view.positions]
    return total


def _serialized(loss: Any) -> Any:
    if isinstance(loss, dict) and "class_name" not in loss:
        return {key: _serialized(one) for key, one in loss.items()}
    if isinstance(loss, (list, tuple)):
        return [_serialized(one) for one in loss]
    return keras.losses.serialize(loss) if callable(loss) else loss
