"""Which layers of a model a CCM-loss can watch."""

import difflib
from collections.abc import Sequence

import keras

from ccm_tf.ccm import correlation
from ccm_tf.ccm.loss import CCMLoss
from ccm_tf.graph.trace import Call


def watchable_call(model: keras.Model, loss: CCMLoss, calls: Sequence[Call]) -> Call:
    """The first call of the operation that a loss watches.

    Args:
        model: The model, for error messages.
        loss: The loss. It refers to the operation itself or to its name.
        calls: All calls of the model.

    Raises:
        ValueError: If the model has no such operation, or its output is no feature map.
    """
    if loss.layer_name is None:
        raise ValueError(
            "Expected a CCMLoss that refers to a layer of the model: "
            f"`model.add_loss(CCMLoss(layer))`. Received: {loss!r} without a layer."
        )
    if loss.layer is None:
        found = [call for call in calls if call.name == loss.layer_name]
    else:
        found = [call for call in calls if call.op is loss.layer]
    if not found:
        raise ValueError(_not_found(model, loss, [call.name for call in calls]))
    outputs = keras.tree.flatten(found[0].op.output)
    if len(outputs) != 1:
        raise ValueError(
            f"Layer '{loss.layer_name}' has {len(outputs)} outputs, and CCMLoss watches layers "
            "with one. Add the loss to a layer that takes the output you mean, such as "
            "`keras.layers.Identity()`."
        )
    correlation.check_features(outputs[0], f"an output of layer '{loss.layer_name}'")
    return found[0]


def _not_found(model, loss, names):
    if loss.layer_name in {tensor.name for tensor in keras.tree.flatten(model.inputs)}:
        return f"Layer '{loss.layer_name}' is an input of the model, which nothing can train."
    text = f"Layer '{loss.layer_name}' is not part of model '{model.name}'"
    if loss.layer_name in names:
        return f"{text}, which has another layer of that name: take `model.get_layer(name)`."
    names = list(dict.fromkeys(names))
    near = difflib.get_close_matches(str(loss.layer_name), names, n=3) or names[:5]
    return f"{text}. Layers that are: {', '.join(near)}{', …' if len(near) < len(names) else ''}."
