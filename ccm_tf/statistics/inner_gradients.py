"""Gradients with respect to tensors inside a function, without a copy of any of them leaving it."""

from collections.abc import Callable
from typing import Any

import keras

from ccm_tf.statistics.backend import for_backend

Tap = Callable[[Any], Any]


def inner_gradients(
    model: keras.Model,
    function: Callable[..., tuple[Any, Any]],
    finish: Callable[..., Any],
) -> Callable[..., Any]:
    """A compiled function of the gradients of a scalar at tensors on the way to it.

    Beside `ccm_tf.statistics.gradients.gradient`, the only code that differs between backends for
    the sake of gradients: TensorFlow's tape can watch a tensor in the middle, JAX differentiates
    with respect to zeros that are added to it.

    Args:
        model: The model whose layers the function calls.
        function: `function(tap, *arguments)` returns a scalar and whatever `finish` wants to know;
            `tap(tensor)` marks a tensor and returns what to go on with.
        finish: `finish(gradients, kept)` of the gradients at the marked tensors, in the order of
            the calls of `tap`; it runs inside the compiled function.

    Returns:
        `run(*arguments)`: what `finish` returned.

    Raises:
        NotImplementedError: If the backend is neither TensorFlow nor JAX.
    """
    return for_backend(_BACKENDS)(model, function, finish)


def _tensorflow(model, function, finish):
    import tensorflow as tf

    # As in Keras's own training: layers and losses are traced as they are written.
    @tf.function(autograph=False)
    def run(*arguments):
        points = []
        with tf.GradientTape(watch_accessed_variables=False) as tape:

            def tap(value):
                tape.watch(value)
                points.append(value)
                return value

            # Nothing that layers compute on the side (losses, counters) outlives the scope.
            with keras.StatelessScope():
                value, kept = function(tap, *arguments)
        found = tape.gradient(value, points, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return finish(found, kept)

    return lambda *arguments: run(*keras.tree.map_structure(tf.convert_to_tensor, arguments))


def _jax(model, function, finish):
    import jax

    def scoped(tap, values, arguments):
        # As arguments, or the compiler would fold every weight into the program.
        with keras.StatelessScope(list(zip(model.variables, values, strict=True))):
            return function(tap, *arguments)

    def shapes_of(values, arguments):
        shapes = []

        def note(value):
            shapes.append((value.shape, value.dtype))
            return value

        jax.eval_shape(lambda v, a: scoped(note, v, a), values, arguments)
        return shapes

    def at(points, values, arguments):
        rest = iter(points)
        return scoped(lambda value: value + next(rest), values, arguments)

    @jax.jit
    def run(values, arguments):
        points = [jax.numpy.zeros(*shape) for shape in shapes_of(values, arguments)]
        found, kept = jax.grad(at, has_aux=True)(points, values, arguments)
        return finish(found, kept)

    return lambda *arguments: run([variable.value for variable in model.variables], arguments)


_BACKENDS = {"jax": _jax, "tensorflow": _tensorflow}
