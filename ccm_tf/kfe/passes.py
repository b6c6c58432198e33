"""One pass over data with what every layer reads and the gradient at what it makes."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ccm_tf.graph import ChannelGraph
from ccm_tf.graph.handlers.common import channel_axis
from ccm_tf.kfe.blocks import Block
from ccm_tf.kfe.pre_activation import pre_activation
from ccm_tf.statistics.batches import batch_count, batches
from ccm_tf.statistics.inner_gradients import inner_gradients
from ccm_tf.statistics.objective import Objective
from ccm_tf.statistics.sampled_labels import LabelSampler
from ccm_tf.statistics.sharded import Share
from ccm_tf.statistics.taps import full_batches

LABELS = ("sampled", "empirical")


@dataclasses.dataclass(frozen=True)
class PassOptions:
    """How to go over the data.

    Attributes:
        labels: `"sampled"` draws a label per sample from the model's prediction, which makes the
            expectation the Fisher information; `"empirical"` takes those of the data.
        loss: See `ccm_tf.statistics.objective.Objective`; `None` is cross-entropy.
        batch_size: Samples per batch where the data is arrays.
        max_batches: Stop after so many batches.
        seed: Seed of the draws.
        verbose: 1 shows a progress bar.
    """

    labels: str = "sampled"
    loss: Any = None
    batch_size: int = 128
    max_batches: int | None = None
    seed: int = 0
    verbose: int = 0

    def __post_init__(self):
        if self.labels not in LABELS:
            raise ValueError(
                f"Argument `labels` must be one of {LABELS}. Received: labels={self.labels!r}."
            )
        if self.labels == "sampled" and self.loss is not None:
            raise ValueError(
                "Labels are sampled from predicted probabilities, whose loss is cross-entropy. To "
                "use a loss, pass labels='empirical' and data with labels. Received: "
                f"loss={self.loss!r}, labels='sampled'."
            )


@dataclasses.dataclass(frozen=True, eq=False)
class Observed:
    """One batch as a layer sees it, in tensors (B, ..., C), one per call of the layer.

    Attributes:
        inputs: What it reads.
        outputs: Its pre-activations.
        gradients: The gradient of each sample's loss at them.
        weights: (B,), 1 for a sample and 0 for what fills up the batch.
    """

    inputs: list[Any]
    outputs: list[Any]
    gradients: list[Any]
    weights: Any


# From a batch as a block sees it to the tensors to add up over batches.
Statistic = Callable[[Block, Observed], list[Any]]


def gradient_pass(
    graph: ChannelGraph,
    blocks: Sequence[Block],
    data: Any,
    statistic: Statistic,
    options: PassOptions,
) -> Iterator[tuple[int, list[list[np.ndarray]]]]:
    """Statistics of layers' inputs and of the gradients at their pre-activations.

    The model runs in inference mode. Feature maps and gradients stay inside the compiled
    function; gradients are those of each sample's own loss. Where the batch is filled up, samples
    have weight 0 and their gradients are zero.

    Args:
        graph: The channel graph.
        blocks: Some of its blocks.
        data: Data with labels, or without if labels are sampled; perhaps a worker's share of it.
        statistic: What to compute of each block; it runs inside the compiled function.
        options: How to go over the data.

    Returns:
        An iterator: per batch the number of samples and, per block, what `statistic` returned.

    Raises:
        ValueError: If labels are missing or do not fit, or the model's outputs make no labels.
    """
    trace = graph.trace
    sampled = options.labels == "sampled"
    objective = Objective(trace, options.loss)
    sampler = LabelSampler(trace, options.seed) if sampled else None
    limits = options.batch_size, options.max_batches
    stream = batches(data, *limits, labels=not sampled)
    bar = keras.utils.Progbar(batch_count(data, *limits)) if options.verbose else None
    watched = _Watched(trace, blocks)

    def losses(tap, inputs, targets, weights):
        outputs, seen = watched.run(tap, inputs, weights)
        if sampler is not None:
            targets = sampler.labels(targets, outputs)
        return ops.sum(objective(targets, outputs) * weights), (*seen, weights)

    def finish(gradients, kept):
        read, made, weights = kept
        by_block = watched.parted(gradients)
        return [
            statistic(block, Observed(x, y, g, weights))
            for block, x, y, g in zip(blocks, read, made, by_block, strict=True)
        ]

    def targets(samples, y):
        if sampler is None:
            return objective.targets(y)
        # Every sample gets its own draw, whoever looks at the samples before it.
        return sampler.numbers(samples, data.passed_over if isinstance(data, Share) else 0)

    run = inner_gradients(graph.model, losses, finish)
    pairs = ((batch, None) for batch in stream) if sampled else stream
    return _stream(full_batches(trace, pairs, targets), run, bar)


class _Watched:
    """Runs a model and keeps what some layers read and make, call by call."""

    def __init__(self, trace: Any, blocks: Sequence[Block]):
        self._trace = trace
        self._places = {block.name: place for place, block in enumerate(blocks)}
        self._calls = [call for call in trace.calls if call.name in self._places]

    def run(self, tap: Callable[[Any], Any], inputs: Any, weights: Any) -> tuple[Any, tuple]:
        """The model's outputs, and per block what its calls read and what they make."""
        read: list[list[Any]] = [[] for _ in self._places]
        made: list[list[Any]] = [[] for _ in self._places]

        def apply(call, args, kwargs):
            if call.name not in self._places:
                return call.op(*args, **kwargs)
            place, axis = self._places[call.name], channel_axis(call.op)
            (features,) = keras.tree.flatten((args, kwargs))[:1]
            _check_samples(call, features, weights)
            read[place].append(_channels_last(features, axis))

            def noted(value):
                value = tap(value)
                made[place].append(_channels_last(value, axis))
                return value

            return pre_activation(call.op, features, noted)

        return self._trace.run(inputs, apply), (read, made)

    def parted(self, gradients: Sequence[Any]) -> list[list[Any]]:
        """Gradients in the order of the calls, per block."""
        found: list[list[Any]] = [[] for _ in self._places]
        for call, gradient in zip(self._calls, gradients, strict=True):
            found[self._places[call.name]].append(_channels_last(gradient, channel_axis(call.op)))
        return found


def _stream(full, run, bar):
    for done, (samples, *batch) in enumerate(full, start=1):
        yield samples, keras.tree.map_structure(ops.convert_to_numpy, run(*batch))
        if bar is not None:
            bar.update(done)


def check_finite(block: Block, *values: np.ndarray) -> None:
    """Raises a `ValueError` that names the layer if sums of a batch are not finite."""
    if not all(np.all(np.isfinite(value)) for value in values):
        raise ValueError(
            f"What layer '{block.name}' reads or makes, or the gradients at it, hold NaN or "
            "infinity. Check the data and the weights, and that the loss is finite."
        )


def _channels_last(value: Any, axis: int) -> Any:
    return ops.cast(ops.moveaxis(value, axis, -1), "float32")


def _check_samples(call: Any, features: Any, weights: Any) -> None:
    if features.shape[0] != weights.shape[0]:
        raise ValueError(
            f"Layer '{call.name}' reads {features.shape[0]} maps for {weights.shape[0]} samples: "
            "other axes are folded into its batch. Leave it out: name the other layers in `layers`."
        )
