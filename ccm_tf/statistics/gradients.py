"""Gradients of a loss with respect to gates on feature maps and to weights, batch by batch."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ccm_tf.statistics.backend import for_backend
from ccm_tf.statistics.batches import batch_count, batches
from ccm_tf.statistics.objective import Objective
from ccm_tf.statistics.taps import full_batches


def gate_gradients(
    graph: Any,
    data: Any,
    maps: Sequence[Any],
    loss: Any = None,
    batch_size: int = 128,
    max_batches: int | None = None,
    verbose: int = 0,
) -> Iterator[list[np.ndarray]]:
    r"""What the loss of each sample would gain from each channel of some feature maps.

    Every map a is multiplied by 1 + g with a gate g of zeros per sample and channel. The
    derivative of the loss with respect to the gate is the sum over pixels of
    $a \cdot \partial L / \partial a$, exactly and sample by sample, without the gradient of any
    feature map ever leaving the compiled function.

    Args:
        graph: A `ChannelGraph`.
        data: Labelled data: `(x, y)`, or a data set or iterable of batches `(x, y)`.
        maps: Feature maps of the graph, objects with `tensor`, `roots` and `axis`.
        loss: See `Objective`. Defaults to `None`, cross-entropy.
        batch_size: Samples per batch where `data` is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of them.
        verbose: 1 shows a progress bar. Defaults to 0.

    Returns:
        An iterator: per batch a list of float32 arrays (B, C), one per map.

    Raises:
        ValueError: If there are no labels, or labels or inputs do not fit the model.
    """
    by_tensor = {feature_map.tensor: place for place, feature_map in enumerate(maps)}

    def gated(gates, trace, inputs):
        def apply(call, args, kwargs):
            outputs = call.op(*args, **kwargs)
            if not any(tensor in by_tensor for tensor in call.outputs):
                return outputs
            flat = keras.tree.flatten(outputs)
            for tensor in call.outputs:
                if tensor in by_tensor:
                    place = by_tensor[tensor]
                    flat[tensor.index] = _gate(flat[tensor.index], gates[place], maps[place].axis)
            return keras.tree.pack_sequence_as(outputs, flat)

        return trace.run(inputs, apply)

    def gates(size):
        return [np.zeros((size, len(m.roots)), np.float32) for m in maps]

    passes = _passes(graph, data, loss, (batch_size, max_batches, verbose), gated, gates)
    return ([gradient[:samples] for gradient in found] for samples, found in passes)


def weight_gradients(
    graph: Any,
    data: Any,
    variables: Sequence[Any],
    loss: Any = None,
    batch_size: int = 128,
    max_batches: int | None = None,
    verbose: int = 0,
) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Gradients of each batch's mean loss with respect to weights, in inference mode.

    Args:
        graph: A `ChannelGraph`.
        data: Labelled data: `(x, y)`, or a data set or iterable of batches `(x, y)`.
        variables: `keras.Variable`s of the graph's model.
        loss: See `Objective`. Defaults to `None`, cross-entropy.
        batch_size: Samples per batch where `data` is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of them.
        verbose: 1 shows a progress bar. Defaults to 0.

    Returns:
        An iterator: per batch the number of samples, and an array like each variable.

    Raises:
        ValueError: If there are no labels, or labels or inputs do not fit the model.
    """

    values = [ops.convert_to_numpy(variable) for variable in variables]
    options = (batch_size, max_batches, verbose)
    passes = _passes(graph, data, loss, options, _plain, lambda size: values, variables)
    return ((samples, [gradient / samples for gradient in found]) for samples, found in passes)


def _plain(points, trace, inputs):
    return trace.run(inputs)


def _passes(
    graph, data, loss, options, run, points, variables=()
) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Gradients of the sum of a batch's losses with respect to `points(batch size)`."""
    batch_size, max_batches, verbose = options
    stream = batches(data, batch_size, max_batches, labels=True)
    objective = Objective(graph.trace, loss)
    total = batch_count(data, batch_size, max_batches)
    progress = keras.utils.Progbar(total) if verbose else None

    def total_loss(at, inputs, targets, weights):
        losses = objective(targets, run(at, graph.trace, inputs))
        return ops.sum(losses * weights)

    differentiate = gradient(graph.model, total_loss, variables)
    return _stream(graph, stream, objective, differentiate, points, progress)


def _stream(graph, stream, objective, differentiate, points, progress):
    full = full_batches(graph.trace, stream, lambda samples, y: objective.targets(y))
    for done, (samples, inputs, targets, weights) in enumerate(full, start=1):
        found = differentiate(points(len(weights)), inputs, targets, weights)
        yield samples, [ops.convert_to_numpy(gradient) for gradient in found]
        if progress is not None:
            progress.update(done)


def _gate(value, gate, axis):
    """A feature map times 1 + gate, sample by sample and channel by channel."""
    shape = [1] * len(value.shape)
    shape[0], shape[axis] = gate.shape
    return value * (1 + ops.cast(ops.reshape(gate, shape), value.dtype))


def gradient(
    model: keras.Model, function: Callable[..., Any], variables: Sequence[Any] = ()
) -> Callable[..., list[Any]]:
    """The compiled gradient of a scalar function with respect to its first argument.

    The only code of the library that differs between backends for the sake of gradients.

    Args:
        model: The model whose layers the function calls.
        function: `function(points, *arguments)` returns a scalar tensor; `points` is a list.
        variables: Variables of the model that have the values `points` while the function runs.
            Defaults to none.

    Returns:
        `gradient(points, *arguments)`: a list like `points`.

    Raises:
        NotImplementedError: If the backend is neither TensorFlow nor JAX.
    """
    return for_backend(_BACKENDS)(model, function, variables)


def _tensorflow(model, function, variables):
    import tensorflow as tf

    @tf.function
    def differentiate(points, *arguments):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            # Nothing that layers compute on the side (losses, counters) outlives the scope.
            with keras.StatelessScope(_values(variables, points)):
                value = function(points, *arguments)
        found = tape.gradient(value, points, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        # The gradient of a table that is looked up in is sparse.
        return [tf.convert_to_tensor(one) for one in found]

    return lambda *arguments: differentiate(
        *keras.tree.map_structure(tf.convert_to_tensor, arguments)
    )


def _jax(model, function, variables):
    import jax

    def stateless(points, values, *arguments):
        # As arguments, or the compiler would fold every weight into the program.
        state = _values(model.variables, values) + _values(variables, points)
        with keras.StatelessScope(state):
            return function(points, *arguments)

    differentiate = jax.jit(jax.grad(stateless))
    return lambda points, *arguments: differentiate(
        points, [variable.value for variable in model.variables], *arguments
    )


def _values(variables, values) -> list[tuple[Any, Any]]:
    return list(zip(variables, values, strict=True)) if variables else []


_BACKENDS = {"jax": _jax, "tensorflow": _tensorflow}
