"""Inputs to calibrate with and to compare a file with its model on."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from ccm_tf.statistics.batches import batches

# How many real samples are looked at: ranges of feature maps settle early.
MOST_SAMPLES = 256

# Random batches where there are no real samples: (seed, batch size). Two sizes, because a
# conversion can freeze the batch size of its example into the file.
_RANDOM = ((0, 1), (1, 3), (2, 4))

# What an unknown axis (image height, sequence length) is taken to be in random samples.
_UNKNOWN_SIZE = 64

Named = dict[str, np.ndarray]


def real_samples(model: keras.Model, data: Any) -> Named:
    """The first samples of some data by the names of a model's inputs.

    Args:
        model: A functional model.
        data: What `ccm_tf.statistics.batches` takes.

    Returns:
        Name of an input to an array of shape (samples, …), in the input's dtype.

    Raises:
        ValueError: If the data do not fit the model, or hold NaN or infinity.
    """
    parts: list[Named] = []
    for batch in batches(data, 32):
        parts.append(_named(model, batch))
        if sum(_count(part) for part in parts) >= MOST_SAMPLES:
            break
    together = {
        name: np.concatenate([part[name] for part in parts])[:MOST_SAMPLES] for name in parts[0]
    }
    for tensor in model.inputs:
        _check(tensor, together[tensor.name])
    return together


def cut(model: keras.Model, samples: Named, size: int | None = None) -> Iterator[Named]:
    """Samples in batches that a model takes.

    Args:
        model: A functional model.
        samples: What `real_samples` returned.
        size: Samples per batch where the model takes any number. Defaults to 3, then 1, then the
            rest, since a conversion can freeze the batch size of its example into the file.

    Raises:
        ValueError: If there are fewer samples than the model's batch size.
    """
    count, fixed = _count(samples), batch_size(model)
    if fixed and count < fixed:
        raise ValueError(
            f"Model '{model.name}' has a fixed batch size of {fixed}. Received only {count} "
            "calibration samples; pass at least one batch."
        )
    size = fixed or size
    edges = list(range(0, count + 1, size)) if size else sorted({0, *_ends(count)})
    for start, stop in zip(edges, edges[1:], strict=False):
        yield {name: value[start:stop] for name, value in samples.items()}


def random_batches(model: keras.Model) -> Iterator[Named]:
    """Random inputs, always the same ones."""
    for seed, size in _RANDOM:
        generator = np.random.default_rng(seed)
        yield {tensor.name: _random(tensor, size, generator) for tensor in model.inputs}


def batch_size(model: keras.Model) -> int | None:
    """The batch size that a model is fixed to, or `None`."""
    return next((tensor.shape[0] for tensor in model.inputs if tensor.shape[0]), None)


def structured(model: keras.Model, named: Named) -> Any:
    """Inputs by name in the structure in which a model takes them."""
    flat = [named[tensor.name] for tensor in model.inputs]
    return keras.tree.pack_sequence_as(model.input, flat)


def _ends(count: int) -> list[int]:
    return [end for end in (3, 4, count) if end <= count]


def _count(samples: Named) -> int:
    return len(next(iter(samples.values())))


def _named(model: keras.Model, batch: Any) -> Named:
    names = [tensor.name for tensor in model.inputs]
    if isinstance(batch, dict) and set(names) <= set(batch):
        flat = [batch[name] for name in names]
    else:
        flat = keras.tree.flatten(batch)
    if len(flat) != len(names):
        raise ValueError(
            f"Model '{model.name}' has the inputs {names}. Received {len(flat)} arrays as "
            "calibration data."
        )
    return {
        tensor.name: np.asarray(value).astype(keras.backend.standardize_dtype(tensor.dtype))
        for tensor, value in zip(model.inputs, flat, strict=True)
    }


def _check(tensor: Any, value: np.ndarray) -> None:
    expected = tuple(tensor.shape[1:])
    if len(value.shape) != len(expected) + 1 or any(
        want not in (None, size) for want, size in zip(expected, value.shape[1:], strict=True)
    ):
        raise ValueError(
            f"Input '{tensor.name}' takes samples of shape {expected}. Received calibration "
            f"samples of shape {value.shape[1:]}."
        )
    if not np.all(np.isfinite(value)):
        raise ValueError(
            f"The calibration samples for input '{tensor.name}' hold NaN or infinity. Leave these "
            "samples out."
        )


def _random(tensor: Any, batch: int, generator: np.random.Generator) -> np.ndarray:
    shape = [tensor.shape[0] or batch, *(size or _UNKNOWN_SIZE for size in tensor.shape[1:])]
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    if dtype == "uint8":
        return generator.integers(0, 256, shape).astype(dtype)
    if "int" in dtype or dtype == "bool":
        # Small enough to be an index into any vocabulary.
        return generator.integers(0, 2, shape).astype(dtype)
    return generator.standard_normal(shape).astype(dtype)
