"""Reading masks off a model: a channel is masked if every weight that belongs to it is zero."""

import keras
import numpy as np

from ccm_tf.graph import ChannelGraph
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.rewrite import rewrite


def alive_roots(graph: ChannelGraph) -> np.ndarray:
    """Mask over root labels: which channels are not masked.

    The weights themselves are the record: whatever restores them restores the masks. A channel
    whose kernels, biases and scales are exactly zero on every side does nothing and gets no
    gradient, so it makes no difference whether a mask made it so.

    Args:
        graph: A `ChannelGraph`.
    """
    seen = np.zeros(len(graph.labels_to_roots), bool)
    used = np.zeros(len(graph.labels_to_roots), bool)
    for call in graph.trace.calls:
        for weight in graph.weights_of(call.position):
            if weight.masked:
                continue
            nonzero = np.asarray(keras.ops.convert_to_numpy(weight.variable)) != 0
            for axis, labels in enumerate(weight.axes):
                if labels is not None:
                    others = tuple(a for a in range(nonzero.ndim) if a != axis)
                    roots = graph.roots_of(labels)
                    seen[roots] = True
                    np.logical_or.at(used, roots, nonzero.any(axis=others))
    labels = np.arange(len(seen))
    alive = used | ~seen | graph.is_frozen(labels)
    for roots in graph.widths:
        if not alive[roots].any():
            alive[roots[0]] = True
    return alive[graph.labels_to_roots]


def masked_plan(model: keras.Model, exact: bool = True) -> PruningPlan:
    """The plan that drops exactly the channels that are masked.

    Args:
        model: A model that was trained with `ccm_tf.callbacks.GradualPruning`, in memory or
            loaded from a file, or the result of `ccm_tf.mask`.
        exact: As in `ccm_tf.ChannelGraph`. Defaults to `True`.

    Returns:
        A `PruningPlan`. Every layer keeps at least one channel.

    Example:

    ```python
    plan = ccm_tf.masked_plan(model)
    plan.summary()
    slim = ccm_tf.rewrite(model, plan)
    ```
    """
    graph = ChannelGraph(model, exact)
    return PruningPlan.from_mask(graph, alive_roots(graph), criterion={"name": "masks"})


def strip_pruning(model: keras.Model, exact: bool = True) -> keras.Model:
    """Builds the slim model that a masked one stands for.

    Unlike the function of this name in tensorflow-model-optimization it removes what is zero:
    the result has fewer channels, and the outputs of the masked model up to rounding.

    Args:
        model: A model that was trained with `ccm_tf.callbacks.GradualPruning`. It is left
            untouched.
        exact: As in `ccm_tf.ChannelGraph`. Defaults to `True`.

    Returns:
        A new `keras.Model`.

    Example:

    ```python
    model.fit(x, y, epochs=10, callbacks=[ccm_tf.callbacks.GradualPruning("magnitude", schedule)])
    slim = ccm_tf.strip_pruning(model)
    ```
    """
    return rewrite(model, masked_plan(model, exact))
