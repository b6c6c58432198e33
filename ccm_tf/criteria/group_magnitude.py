"""Group magnitude: how large all weights are that a channel has, made, scaled and read."""

from typing import Any

import keras
import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import NORMALIZATIONS, check_option, normalized, ranked
from ccm_tf.criteria.registry import register_criterion

_POWERS = {"l1": 1, "l2": 2}


@register_criterion("group_magnitude")
class GroupMagnitude(Criterion):
    r"""Keeps the channels with the largest weights, those that read them included. Needs no data.

    Whatever goes with a channel counts: its slices of the kernels that make it and of those that
    read it, and its batch normalisation scales, in every layer that it runs through:

    $$s_c = \frac{t_c}{\operatorname{mean}_j t_j}, \qquad
    t_c = \sum_{W \ni c} \sum_i \lvert W_{c,i} \rvert^p$$

    A large channel that nobody listens to is worth little; so is one that is scaled down. The sum
    over all weights of a unit is the group importance of G. Fang et al., "DepGraph: Towards Any
    Structural Pruning" (2023, arXiv 2301.12900). Cost: the weights are read once. When to use:
    without data; ahead of `"magnitude"`, which looks at the kernels alone that make a channel.

    Args:
        norm: `"l2"` sums squares, `"l1"` absolute values. Defaults to `"l2"`.
        normalization: What the sums of a group are divided by: their `"mean"`, their `"max"`, or
            `"none"`. Defaults to `"mean"`.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    ```python
    plan = ccm_tf.plan(model, "group_magnitude", macs=0.5)
    ```
    """

    cost = "reads the weights"

    def __init__(self, norm: str = "l2", normalization: str = "mean"):
        self.norm = check_option("norm", norm, tuple(_POWERS))
        self.normalization = check_option("normalization", normalization, NORMALIZATIONS)

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`; `data` is not used."""
        totals = channel_totals(graph, _POWERS[self.norm])
        return {
            group.index: ranked(group.roots, normalized(totals[group.roots], self.normalization))
            for group in graph.groups
            if len(group.roots)
        }


def channel_totals(graph: Any, power: int) -> np.ndarray:
    """Sum of all weights of every unit, to a power, float64 (roots,).

    Args:
        graph: A `ChannelGraph`.
        power: What absolute values are raised to.
    """
    totals = np.zeros(len(graph.labels_to_roots))
    seen = set()
    for call in graph.trace.calls:
        for weight in graph.weights_of(call.position):
            if not _multiplies(weight.variable) or id(weight.variable) in seen:
                continue
            # A shared layer has one kernel, whatever the number of its calls.
            seen.add(id(weight.variable))
            values = np.asarray(keras.ops.convert_to_numpy(weight.variable), np.float64)
            values = np.abs(values) ** power
            for axis, labels in enumerate(weight.axes):
                if labels is not None:
                    others = tuple(a for a in range(values.ndim) if a != axis)
                    np.add.at(totals, graph.roots_of(labels), values.sum(axis=others))
    return totals


def _multiplies(variable: Any) -> bool:
    """Whether a variable is a kernel or a scale, other than a bias or a statistic."""
    return variable.name == "gamma" or (len(variable.shape) > 1 and variable.name != "bias")
