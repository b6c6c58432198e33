"""New statistics for batch normalisation after a model was changed."""

import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from ccm_tf.graph.trace import Call, Trace
from ccm_tf.statistics.accumulate import accumulated
from ccm_tf.statistics.batches import batch_count, batches
from ccm_tf.statistics.merging import merge
from ccm_tf.statistics.taps import Probe, model_inputs

_STATISTICS = ("moving_mean", "moving_variance")


def recalibrate(
    model: keras.Model,
    data: Any,
    batch_size: int = 128,
    max_batches: int | None = None,
    verbose: int = 0,
) -> keras.Model:
    """Estimates the moving statistics of batch normalisation anew, in place.

    After channels are removed the means and variances that a network meets are others than those
    it remembers; correcting them recovers much of the accuracy without any training, unless they
    were folded into others (`ccm_tf.rewrite(…, fold="least_squares")`), which recovers more and
    leaves nothing to correct. Each batch is
    normalised by its own statistics, as in training, while dropout and the like are off. The new
    moving mean and variance are the averages of the batches' means and variances, weighted by the
    number of samples: exact, without the momentum's memory of older values. A layer that is called
    several times gets the average over its calls.

    Only moving means and variances change, those of frozen layers too. They change after the last
    batch, all or none: an error on the way leaves the model as it was.

    Args:
        model: A built functional or sequential model.
        data: Training images in any form that `fit` takes, and iterables of batches; targets are
            ignored. A few thousand images are plenty. Of `strategy.shard(data)` each worker looks
            at its share, and all get the same statistics.
        batch_size: Samples per batch where `data` is arrays; use the one of the training.
            Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.
        verbose: 1 shows a progress bar. Defaults to 0.

    Returns:
        The model itself.

    Raises:
        ValueError: If the model is subclassed or not built, there is no data, its shape is not the
            model's, or a statistic is not finite.

    Example:

    ```python
    slim = ccm_tf.rewrite(model, plan)
    ccm_tf.recalibrate(slim, x_train[:4096])
    ```
    """
    # Before any work: whether there is data.
    batches(data, batch_size, max_batches)
    trace = Trace(model)
    layers = [op for op in trace.ops.values() if _is_batch_norm(op)]
    _warn_unreached(model, layers)
    if not layers:
        return model
    probe = Probe(model, trace, lambda t, x: _batch_moments(t, layers, x), name="recalibrate")

    def sums(part: Any) -> Iterator[dict[str, Any]]:
        total = batch_count(part, batch_size, max_batches)
        progress = keras.utils.Progbar(total) if verbose else None
        for done, batch in enumerate(batches(part, batch_size, max_batches), start=1):
            yield _weighted(probe, model_inputs(trace, batch))
            if progress is not None:
                progress.update(done)

    found = accumulated(data, sums, dict, merge)
    averages = keras.tree.map_structure(lambda value: value / found["samples"], found["moments"])
    _assign(layers, averages)
    return model


def _weighted(probe: Probe, inputs: Any) -> dict[str, Any]:
    """Samples of a batch, and its moments at every layer times as many."""
    samples = len(keras.tree.flatten(inputs)[0])
    moments = keras.tree.map_structure(
        lambda value: np.asarray(value, np.float64) * samples, probe.predict_on_batch(inputs)
    )
    return {"samples": samples, "moments": moments}


def _batch_moments(
    trace: Trace, layers: list[keras.layers.BatchNormalization], inputs: Any
) -> list[list[Any]]:
    """Mean and variance of a batch at every layer, averaged over the layer's calls."""
    found: dict[int, list[tuple[Any, Any]]] = {}

    def apply(call: Call, args: tuple, kwargs: dict) -> Any:
        if not _is_batch_norm(call.op):
            return call.op(*args, **kwargs)
        outputs, mean, variance = _normalise(call.op, *args, **kwargs)
        found.setdefault(id(call.op), []).append((mean, variance))
        return outputs

    trace.run(inputs, apply)
    return [
        [sum(values) / len(values) for values in zip(*found[id(layer)], strict=True)]
        for layer in layers
    ]


def _is_batch_norm(op: Any) -> bool:
    kind = keras.layers.BatchNormalization
    # A subclass that computes something else is not imitated.
    return isinstance(op, kind) and type(op).call is kind.call


def _normalise(layer, inputs, mask=None, **kwargs):
    """What the layer computes in training, and the batch's mean and variance."""
    dtype = keras.backend.result_type(inputs.dtype, "float32")
    inputs = keras.ops.cast(inputs, dtype)
    axis = layer.axis % len(inputs.shape)
    others = [i for i in range(len(inputs.shape)) if i != axis]
    mean, variance = keras.ops.moments(inputs, others)
    outputs = keras.ops.batch_normalization(
        inputs,
        mean,
        variance,
        axis,
        offset=keras.ops.cast(layer.beta, dtype) if layer.center else None,
        scale=keras.ops.cast(layer.gamma, dtype) if layer.scale else None,
        epsilon=layer.epsilon,
    )
    return keras.ops.cast(outputs, layer.compute_dtype), mean, variance


def _warn_unreached(model: keras.Model, layers: list[keras.layers.BatchNormalization]) -> None:
    known = {id(v) for layer in layers for v in (layer.moving_mean, layer.moving_variance)}
    unreached = [
        v.path
        for v in model.non_trainable_variables
        if v.path.rsplit("/", 1)[-1] in _STATISTICS and id(v) not in known
    ]
    if unreached:
        warnings.warn(
            "Batch normalisation inside subclassed layers or wrappers cannot be reached; these "
            f"statistics stay as they are: {', '.join(unreached)}.",
            stacklevel=3,
        )


def _assign(layers: list[keras.layers.BatchNormalization], averages: Any) -> None:
    for layer, values in zip(layers, averages, strict=True):
        if not all(np.all(np.isfinite(value)) for value in values):
            raise ValueError(
                f"The input of batch normalisation '{layer.name}' holds NaN or infinity on this "
                "data: no statistics were changed. Look for broken images or exploded weights."
            )
    variables = [(layer.moving_mean, layer.moving_variance) for layer in layers]
    before = [[keras.ops.convert_to_numpy(v) for v in pair] for pair in variables]
    try:
        for pair, values in zip(variables, averages, strict=True):
            for variable, value in zip(pair, values, strict=True):
                variable.assign(value)
    except BaseException:
        for pair, values in zip(variables, before, strict=True):
            for variable, value in zip(pair, values, strict=True):
                variable.assign(value)
        raise
