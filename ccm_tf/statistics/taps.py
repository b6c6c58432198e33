"""Feature maps of a model, batch by batch, in one compiled pass."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from ccm_tf.graph.trace import Trace
from ccm_tf.statistics.batches import batch_count, batches


class Probe(keras.Model):
    """Runs a model call by call and returns whatever a function wants from it, compiled.

    It uses the model's own layers and leaves no mark on them: no nodes, no state, no change of
    compile settings. Call it through `predict_on_batch` with what `model_inputs` returns.

    Args:
        model: The functional or sequential model to look into.
        trace: Its trace.
        run: `run(trace, inputs)` returns a structure of tensors.
    """

    def __init__(
        self, model: keras.Model, trace: Trace, run: Callable[[Trace, Any], Any], name: str
    ):
        # Inputs arrive in the dtypes that the model declares; a global policy must not cast them.
        super().__init__(name=name, dtype="float32", autocast=False)
        self.watched = model
        self._trace = trace
        self._run = run
        self.built = True
        # XLA takes longer to compile a convolutional network on a CPU than the pass takes.
        self.jit_compile = keras.backend.backend() == "jax"

    def call(self, inputs, training=False):
        """Runs the function; `training` is false and tells the layers so."""
        return self._run(self._trace, inputs)


def feature_batches(
    graph: Any,
    data: Any,
    maps: Sequence[Any],
    batch_size: int = 128,
    max_batches: int | None = None,
    verbose: int = 0,
) -> Iterator[list[np.ndarray]]:
    """Streams the feature maps of a model over data, in inference mode.

    One pass gives all maps; each batch is dropped before the next is computed.

    Args:
        graph: A `ChannelGraph`.
        data: Anything that `ccm_tf.statistics.batches.batches` takes.
        maps: Feature maps of the graph, objects with `tensor` and `axis`.
        batch_size: Samples per batch where `data` is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of them.
        verbose: 1 shows a progress bar. Defaults to 0.

    Yields:
        Per batch a list of float32 arrays (B, ..., C), one per map, channels last whatever the
        data format of the model.

    Raises:
        ValueError: If there is no data, or its shape is not that of the model's input.
    """
    stream = batches(data, batch_size, max_batches)
    total = batch_count(data, batch_size, max_batches)
    return _features(graph, stream, tuple(maps), keras.utils.Progbar(total) if verbose else None)


def _features(graph, stream, maps, progress):
    wanted = [feature_map.tensor for feature_map in maps]
    probe = Probe(
        graph.model, graph.trace, lambda trace, x: tapped(trace, x, wanted), name="feature_maps"
    )
    size = 0
    for done, batch in enumerate(stream, start=1):
        inputs = model_inputs(graph.trace, batch)
        samples = len(keras.tree.flatten(inputs)[0])
        # A smaller batch than before is filled up, so that it needs no compilation of its own.
        size = max(size, samples)
        outputs = probe.predict_on_batch(filled_up(inputs, size))
        yield [
            _channels_last(output, feature_map.axis, samples, size)
            for output, feature_map in zip(outputs, maps, strict=True)
        ]
        if progress is not None:
            progress.update(done)


def tapped(
    trace: Trace, inputs: Any, wanted: Sequence[Any], training: bool | None = None
) -> list[Any]:
    """Values of some tensors of a trace, for given inputs.

    Args:
        trace: The trace.
        inputs: Inputs in the structure of the model's.
        wanted: Tensors of the trace.
        training: What layers are told that are not told it in the graph. Defaults to `None`,
            whatever the model that is being called is told; JAX's training steps call no model.
    """
    places: dict[int, list[int]] = {}
    for place, tensor in enumerate(wanted):
        places.setdefault(tensor.call, []).append(place)
    values: list[Any] = [None] * len(wanted)
    flat_inputs = keras.tree.flatten(inputs)
    for place in places.get(-1, ()):
        order = [t.index for t in keras.tree.flatten(trace.inputs)]
        values[place] = flat_inputs[order.index(wanted[place].index)]

    def keep(call, args, kwargs):
        if training is not None and isinstance(call.op, keras.layers.Layer):
            told = kwargs.get("training")
            kwargs = {**kwargs, "training": training if told is None else told}
        outputs = call.op(*args, **kwargs)
        for place in places.get(call.position, ()):
            values[place] = keras.tree.flatten(outputs)[wanted[place].index]
        return outputs

    trace.run(inputs, keep)
    return values


def model_inputs(trace: Trace, batch: Any) -> Any:
    """One batch in the structure and dtypes of a model's inputs.

    Args:
        trace: The model's trace.
        batch: An array, or a dict (by the names of the inputs) or list of arrays.

    Raises:
        ValueError: If the number of inputs or a shape is not the model's.
    """
    expected = keras.tree.flatten(trace.inputs)
    names = trace.input_order
    if isinstance(batch, dict) and set(names) <= set(batch):
        values = [batch[name] for name in names]
    elif isinstance(batch, dict) and isinstance(trace.inputs, dict):
        missing = sorted(set(trace.inputs) - set(batch))
        if missing:
            raise ValueError(f"Model '{trace.name}' needs the inputs {missing}: not in the data.")
        values = keras.tree.flatten({key: batch[key] for key in trace.inputs})
    else:
        values = keras.tree.flatten(batch)
    if len(values) != len(expected):
        raise ValueError(
            f"Model '{trace.name}' has {len(expected)} input(s) {list(names)}. Received "
            f"{len(values)} array(s) per batch. (A list of arrays is a list of inputs; to pass a "
            "list of batches, make each a tuple: `(x,)`.)"
        )
    arrays = [
        _checked(np.asarray(value), tensor, trace.name)
        for value, tensor in zip(values, expected, strict=True)
    ]
    return keras.tree.pack_sequence_as(trace.inputs, arrays)


def _checked(array: np.ndarray, tensor: Any, name: str) -> np.ndarray:
    fits = array.ndim == len(tensor.shape) and all(
        want is None or have == want for have, want in zip(array.shape, tensor.shape, strict=True)
    )
    if not fits or len(array) == 0:
        hint = ""
        if array.ndim + 1 == len(tensor.shape):
            hint = " A data set must be batched: `dataset.batch(128)`; one image is `image[None]`."
        raise ValueError(
            f"Model '{name}' takes batches of shape {tensor.shape}. Received a batch of shape "
            f"{array.shape}.{hint}"
        )
    return array.astype(tensor.dtype) if array.dtype != tensor.dtype else array


def full_batches(
    trace: Trace, stream: Iterable[Any], targets: Callable[[int, Any], list[np.ndarray]]
) -> Iterator[tuple[int, Any, list[np.ndarray], np.ndarray]]:
    """Labelled batches of one size, so that none needs a compilation of its own.

    Args:
        trace: The model's trace.
        stream: Batches `(x, y)`.
        targets: `targets(samples, y)` returns an array per output.

    Yields:
        Per batch the number of samples; inputs and targets, filled up with repeated samples to the
        size of the largest batch so far; and weights (B,), 0 for what fills up.

    Raises:
        ValueError: If inputs do not fit the model, or there are not as many targets as samples.
    """
    size = 0
    for x, y in stream:
        inputs = model_inputs(trace, x)
        samples = len(keras.tree.flatten(inputs)[0])
        found = targets(samples, y)
        if any(len(target) != samples for target in found):
            raise ValueError(
                f"Received {samples} samples but labels for {[len(t) for t in found]}."
            )
        size = max(size, samples)
        weights = np.zeros(size, np.float32)
        weights[:samples] = 1
        yield samples, filled_up(inputs, size), filled_up(found, size), weights


def filled_up(inputs: Any, size: int) -> Any:
    """Arrays with their samples repeated up to a number of samples."""

    def fill(array):
        return np.resize(array, (size, *array.shape[1:])) if len(array) < size else array

    return keras.tree.map_structure(fill, inputs)


def _channels_last(output: Any, axis: int, samples: int, size: int) -> np.ndarray:
    array = np.asarray(output)
    # Layers may fold positions into the batch axis: keep the same share of it.
    array = array[: len(array) * samples // size]
    return np.moveaxis(array, axis, -1).astype(np.float32, copy=False)
