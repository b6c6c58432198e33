"""This library's part: plans, rewrites and their times."""

import keras
import numpy as np

import ccm_tf
from benchmarks.peers.methods import Own
from benchmarks.peers.network import outputs
from benchmarks.peers.timing import timed
from benchmarks.peers.weights import difference
from ccm_tf.criteria import criteria


def pruned(
    model: keras.Model,
    own: Own,
    budget: float,
    images: tuple[np.ndarray, np.ndarray],
    repeats: int = 5,
) -> tuple[keras.Model, ccm_tf.PruningPlan, dict[str, float]]:
    """Plans and rewrites a few times.

    Args:
        model: The dense network.
        own: What to do.
        budget: Part of the multiply-accumulates that may stay.
        images: Normalised images and labels, for criteria that look at them and for folding.
        repeats: How often at most.

    Returns:
        The slim network, the plan, and the times.
    """
    criterion = criteria()[own.criterion](**own.arguments)
    data = images if criterion.needs_labels else images[0]

    def once():
        plan = ccm_tf.plan(model, criterion, data, macs=budget, scope="global")
        folded = images[0] if own.fold else None
        return ccm_tf.rewrite(model, plan, fold=own.fold, data=folded), plan

    (slim, plan), spent = timed(once, repeats=repeats)
    return slim, plan, spent


def masked_difference(
    model: keras.Model, plan: ccm_tf.PruningPlan, slim: keras.Model, check: np.ndarray
) -> float:
    """How far a slim network is from the dense one with the same channels at zero."""
    return difference(outputs(ccm_tf.mask(model, plan), check), outputs(slim, check))
