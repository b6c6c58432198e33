"""Criteria that know how the loss curves along the weights of a channel."""

import abc
import warnings
from typing import Any

import keras
import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import ranked, reduced
from ccm_tf.kfe.blocks import Block, as_kernel, find_blocks
from ccm_tf.kfe.passes import PassOptions
from ccm_tf.kfe.surgeon import DAMPING


class CurvatureCriterion(Criterion):
    """A criterion that scores the channels of convolutions and dense layers by the Fisher matrix.

    A unit made by several layers (residual streams) has the sum of their scores, since layers are
    taken as independent. Channels that no plain convolution or dense layer makes are not ranked,
    so they stay; a warning names their groups. Unless `ccm_tf.plan` is told `scope="global"`, as
    published, groups are compared in units of their mean: losses differ by orders of magnitude
    between layers.

    Args:
        labels: `"sampled"` from the model's prediction, or `"empirical"`: those of the data.
            Defaults to `"sampled"`, for which the data needs no labels.
        loss: Loss for empirical labels; see `ccm_tf.kronecker_factors`. Defaults to `None`.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.
        seed: Seed of the drawn labels. Defaults to 0.
    """

    needs_data = True
    scope = "relative"

    def __init__(
        self,
        labels: str = "sampled",
        loss: Any = None,
        batch_size: int = 128,
        max_batches: int | None = None,
        seed: int = 0,
    ):
        self.labels = labels
        self.loss = loss
        self.batch_size = batch_size
        self.max_batches = max_batches
        self.seed = seed
        self.options(0)

    @abc.abstractmethod
    def scores(
        self, graph: Any, blocks: list[Block], data: Any, options: PassOptions
    ) -> dict[str, np.ndarray]:
        """Score of every output channel of some layers.

        Args:
            graph: A `ChannelGraph`.
            blocks: The layers.
            data: The data.
            options: How to go over it.

        Returns:
            Name of a layer to a float64 array (outputs,), >= 0.
        """

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`."""
        self.check_data(data)
        groups = [group for group in graph.groups if len(group.roots)]
        blocks, _ = find_blocks(graph)
        made = {p.name: p for group in groups for p in group.producers if p.name in blocks}
        if not made:
            return {}
        wanted = [block for name, block in blocks.items() if name in made]
        scores = self.scores(graph, wanted, data, self.options(verbose))
        return _rankings(groups, made, scores)

    def options(self, verbose: int) -> PassOptions:
        """How to go over the data.

        Raises:
            ValueError: If the arguments make no sense together.
        """
        return PassOptions(
            self.labels, self.loss, self.batch_size, self.max_batches, self.seed, verbose
        )

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments; a loss that is an object becomes its config or name."""
        loss = keras.losses.serialize(self.loss) if callable(self.loss) else self.loss
        return {**super().get_config(), "loss": loss}


class DampedCriterion(CurvatureCriterion):
    """A curvature criterion that inverts factors.

    Args:
        labels: As for `CurvatureCriterion`, like the next four.
        loss: Likewise.
        batch_size: Likewise.
        max_batches: Likewise.
        seed: Likewise.
        damping: Share of the mean eigenvalue added to a factor. Defaults to 0.001.
    """

    def __init__(
        self,
        labels: str = "sampled",
        loss: Any = None,
        batch_size: int = 128,
        max_batches: int | None = None,
        seed: int = 0,
        damping: float = DAMPING,
    ):
        super().__init__(labels, loss, batch_size, max_batches, seed)
        self.damping = damping


def _rankings(
    groups: list[Any], made: dict[str, Any], scores: dict[str, np.ndarray]
) -> dict[int, Ranking]:
    rankings, unseen = {}, []
    for group in groups:
        parts = [(made[p.name].roots, scores[p.name]) for p in group.producers if p.name in scores]
        values = reduced(group.roots, parts, "sum")
        known = ~np.isnan(values)
        if known.any():
            rankings[group.index] = ranked(group.roots[known], values[known])
        if not known.all():
            unseen.append(f"'{group.name}' ({np.count_nonzero(~known)} of {len(known)})")
    if unseen:
        warnings.warn(
            f"No plain convolution or dense layer makes the channels of {', '.join(unseen)}: they "
            "are not ranked and stay. Criteria such as 'magnitude' rank them.",
            stacklevel=3,
        )
    return rankings


def output_rows(block: Block) -> np.ndarray:
    """Weights of every output of a layer, its bias last, float64 (outputs, weights)."""
    kernel = as_kernel(block.op.kernel)
    rows = np.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)
    if block.op.bias is None:
        return rows
    return np.concatenate([rows, as_kernel(block.op.bias)[:, None]], axis=1)
