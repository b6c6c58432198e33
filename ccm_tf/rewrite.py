"""From a plan to a slimmer model."""

from typing import Any

import keras

from ccm_tf.fold import check_fold, fold_least_squares
from ccm_tf.graph import ChannelGraph
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.replicas import scope_of
from ccm_tf.slim import SlimCopy


def rewrite(
    model: keras.Model,
    plan: PruningPlan,
    *,
    fold: str | None = None,
    data: Any = None,
    verbose: int = 0,
) -> keras.Model:
    """Builds the slim model: the same layers with only the channels that the plan keeps.

    Every weight that a removed channel indexes is sliced: kernels on both sides, biases, batch
    normalisation with its moving statistics, the rows of a dense layer behind a flatten. The
    result is an ordinary functional model of ordinary layers with the same names; it saves,
    trains and exports like any other. The original is left untouched, and nothing of its
    compiled state (optimizer, loss, metrics) is carried over.

    With nothing to drop the outputs are bit-identical to the original's. Otherwise they equal
    those of `ccm_tf.mask(model, plan)` up to rounding.

    With `fold="least_squares"` what the removed channels said is not thrown away: layer by layer,
    the inputs of the dense model are predicted from those of the slim one, and the prediction is
    folded into the kernel and the bias that read them. A redundant model loses little that way
    before any fine-tuning. Recalibrate batch normalisation afterwards.

    Args:
        model: The model that the plan was made for.
        plan: A `PruningPlan`.
        fold: `None` to slice, or `"least_squares"`. Defaults to `None`.
        data: Inputs to fold with, as for `ccm_tf.plan`; a few hundred samples do.
        verbose: 1 shows a progress bar while folding. Defaults to 0.

    Returns:
        A new `keras.Model`.

    Raises:
        ValueError: If the plan belongs to another model or contradicts itself, or folding lacks
            data.

    Example:

    ```python
    plan = ccm_tf.plan(model, "pca", images, macs=0.5)
    slim = ccm_tf.rewrite(model, plan)
    slim.compile("adam", "sparse_categorical_crossentropy")
    ```
    """
    check_fold(fold, data)
    graph = ChannelGraph(model, plan.exact)
    kept = graph.kept(plan.root_mask(graph))
    with scope_of(model):
        copy = SlimCopy(graph, kept)
    if fold is not None:
        fold_least_squares(copy, data, verbose)
    return copy.model
