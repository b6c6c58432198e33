"""Random ranking: what any criterion has to beat."""

import zlib
from typing import Any

import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.registry import register_criterion


@register_criterion("random")
class Random(Criterion):
    """Ranks channels at random: the baseline. Needs no data.

    The ranking of a group depends on its name and the seed alone: it is the same in every process,
    whatever else is in the model. When to use: in every comparison.

    Args:
        seed: Integer >= 0. Defaults to 0.

    Raises:
        ValueError: If `seed` is not such a number.

    Example:

    ```python
    plan = ccm_tf.plan(model, Random(seed=1), macs=0.5)
    ```
    """

    cost = "nothing"

    def __init__(self, seed: int = 0):
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"Argument `seed` must be an integer >= 0. Received: seed={seed!r}")
        self.seed = seed

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`; `data` is not used."""
        return {group.index: self._ranking(group) for group in graph.groups if len(group.roots) > 0}

    def _ranking(self, group: Any) -> Ranking:
        generator = np.random.default_rng([self.seed, zlib.crc32(group.name.encode())])
        scores = generator.random(len(group.roots))
        order = np.argsort(-scores, kind="stable")
        # Divided by the expected mean, so that no group is favoured by a global threshold.
        scores = 2 * scores[order]
        return Ranking(np.asarray(group.roots)[order], scores, level=-scores)
