"""A full-size model in which the dropped channels are zero."""

import keras
import numpy as np

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.flow import Kept
from ccm_tf.graph.group import Weight
from ccm_tf.pruning_plan import PruningPlan
from ccm_tf.replicas import scope_of
from ccm_tf.slim import SlimCopy


def mask(model: keras.Model, plan: PruningPlan) -> keras.Model:
    """Copies a model and zeroes every weight slice that belongs to a dropped channel.

    The copy has the full size and shows what pruning does to the function alone: kernels are
    zeroed on the side that makes the channel and on the side that reads it, and so are biases,
    gammas, betas and moving means. It is the yardstick for `ccm_tf.rewrite`, whose result equals
    it up to rounding.

    Args:
        model: The model that the plan was made for. It is left untouched.
        plan: A `PruningPlan`.

    Returns:
        A new `keras.Model` of the same size.

    Raises:
        ValueError: If the plan belongs to another model, contradicts itself, or removes
            something else than channels.

    Example:

    ```python
    masked = ccm_tf.mask(model, plan)
    slim = ccm_tf.rewrite(model, plan)
    np.testing.assert_allclose(masked.predict(x), slim.predict(x), atol=1e-5)
    ```
    """
    if not isinstance(plan, PruningPlan):
        raise ValueError(
            "Only channels can be masked: `ccm_tf.mask` takes a `PruningPlan`. Received a "
            f"{type(plan).__name__}; `ccm_tf.rewrite` carries it out."
        )
    graph = ChannelGraph(model, plan.exact)
    kept = graph.kept(plan.root_mask(graph))
    everything = graph.kept(graph.all_kept())
    with scope_of(model):
        copy = SlimCopy(graph, everything)
    for call in graph.trace.calls:
        weights = graph.weights_of(call.position)
        if not weights:
            continue
        pairs = zip(call.op.weights, copy.ops[call.name].weights, strict=True)
        twins = {id(source): target for source, target in pairs}
        for weight in weights:
            _zero(twins[id(weight.variable)], weight, kept)
    return copy.model


def _zero(variable: keras.Variable, weight: Weight, kept: Kept) -> None:
    array = np.array(keras.ops.convert_to_numpy(variable))
    for axis, labels in enumerate(weight.axes):
        if labels is not None:
            index: list = [slice(None)] * array.ndim
            index[axis] = ~kept(labels)
            array[tuple(index)] = weight.masked
    variable.assign(array)
