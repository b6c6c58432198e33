"""A model with other ends: a fixed batch size, a softmax, names for its outputs."""

from collections.abc import Sequence

import keras

from ccm_tf.graph.trace import Trace
from ccm_tf.statistics.objective import last_activation


def with_softmax(model: keras.Model) -> keras.Model:
    """A classifier that returns probabilities; the model itself if it already does.

    Raises:
        ValueError: If the model has several outputs, or ends in a sigmoid.
    """
    trace = Trace(model)
    if len(trace.flat_outputs) != 1 or (trace.flat_outputs[0].shape[-1] or 0) < 2:
        shapes = [tensor.shape for tensor in trace.flat_outputs]
        raise ValueError(
            "A softmax can be added to a model with one output of at least two classes. Received: "
            f"'{model.name}' with outputs of shapes {shapes}."
        )
    ending = last_activation(trace, trace.flat_outputs[0])
    if ending == "sigmoid":
        raise ValueError(
            f"Model '{model.name}' ends in a sigmoid, so its classes are not exclusive and a "
            "softmax makes no sense. Leave `softmax` out."
        )
    if ending == "softmax":
        return model
    outputs = keras.layers.Softmax(name="probabilities")(model.outputs[0])
    return keras.Model(model.input, outputs, name=model.name)


def with_output_names(model: keras.Model, names: Sequence[str]) -> keras.Model:
    """A model that returns a dict.

    Raises:
        ValueError: If names are missing, too many or not distinct.
    """
    names = list(names)
    if len(names) != len(model.outputs) or len(set(names)) < len(names) or not all(names):
        raise ValueError(
            f"`output_names` must hold a name for each of the {len(model.outputs)} outputs of "
            f"'{model.name}', all different. Received: {names}."
        )
    return keras.Model(model.input, dict(zip(names, model.outputs, strict=True)), name=model.name)


def with_batch_size(model: keras.Model, size: int) -> keras.Model:
    """The same model on inputs of a fixed batch size.

    Raises:
        ValueError: If the size is not positive, or the model has another one.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"`batch_size` must be a positive integer. Received: {size!r}.")
    fixed = {tensor.shape[0] for tensor in model.inputs} - {None, size}
    if fixed:
        raise ValueError(
            f"Model '{model.name}' is built for a batch size of {fixed.pop()}. "
            f"Received: batch_size={size}."
        )
    inputs = keras.tree.map_structure(
        lambda tensor: keras.Input(
            batch_shape=(size, *tensor.shape[1:]), dtype=tensor.dtype, name=tensor.name
        ),
        model.input,
    )
    return keras.Model(inputs, Trace(model).run(inputs), name=model.name)
