"""Folding what removed channels contributed into the kernels that read them."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from ccm_tf.graph.calls import Call, Tensor
from ccm_tf.graph.trace import Execution, Trace
from ccm_tf.kfe.surgeon import fold_obs
from ccm_tf.ridge import predict
from ccm_tf.slim import SlimCopy
from ccm_tf.statistics.accumulate import numbered, summed
from ccm_tf.statistics.batches import batches
from ccm_tf.statistics.moments import Moments
from ccm_tf.statistics.taps import model_inputs


def check_fold(fold: str | None, data: Any) -> None:
    """Raises a `ValueError` unless a way of folding exists and has what it needs."""
    if fold is not None and fold not in FOLDS:
        raise ValueError(f"`fold` must be None or one of {tuple(FOLDS)}. Received: fold={fold!r}.")
    if fold is not None and data is None:
        raise ValueError(
            f"fold={fold!r} looks at what the channels do, so it needs data: "
            "`rewrite(model, plan, fold=..., data=images)`. Received: data=None."
        )


def fold_least_squares(copy: SlimCopy, data: Any, verbose: int = 0) -> None:
    r"""Makes every kernel read predictions of the dense model's channels.

    In the order of execution, for every layer whose kernel mixes channels: with $x$ its inputs in
    the dense model and $y$ its inputs in the slim model, which earlier folds have already changed,
    $x \approx B y + b$ is fitted over samples and pixels, and $W B$ and $W b$ take the place of
    the kernel and are added to the bias. The fit is a ridge regression that shrinks towards plain
    slicing, with the strength chosen by generalised cross-validation (G. Golub, M. Heath and
    G. Wahba, 1979), so that few samples do no harm. Without a bias the constant part goes into the
    moving mean of the batch normalisation behind, or is left out.

    The tensors in flight of all of `data` are kept in memory, in both models, so a few hundred
    samples are the right amount. Of `Sharded` data each worker keeps its share, and the workers
    exchange sums layer by layer.

    Args:
        copy: The slim copy; its kernels are changed.
        data: Inputs, as for `ccm_tf.plan`.
        verbose: 1 shows a progress bar.
    """
    graph = copy.graph
    runs = _Runs(data, list(numbered(data, lambda part: _started(graph.trace, part))))
    bar = keras.utils.Progbar(len(graph.trace.calls), verbose=verbose, unit_name="layer")
    done: set[str] = set()
    for call in graph.trace.calls:
        reader = _reader(copy, call)
        if reader is not None and call.name not in done:
            done.add(call.name)
            _fold_into(copy, reader, runs)
        for _, (dense, slim) in runs.pairs:
            dense.step(call, _inference)
            slim.step(call, copy.apply)
        bar.update(call.position + 1)


@dataclasses.dataclass(frozen=True)
class _Runs:
    """Data on its way through both models.

    Attributes:
        data: The data.
        pairs: For each batch of this worker its number, and its runs through the dense and the
            slim model.
    """

    data: Any
    pairs: list[tuple[int, tuple[Execution, Execution]]]


def _started(trace: Trace, data: Any) -> Iterator[tuple[Execution, Execution]]:
    for batch in batches(data):
        tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, model_inputs(trace, batch))
        yield Execution(trace, tensors), Execution(trace, tensors)


def _inference(call: Call, args: tuple, kwargs: dict) -> Any:
    return call.op(*args, **kwargs)


@dataclasses.dataclass(frozen=True)
class _Reader:
    """A kernel that mixes channels, and where it stands.

    Attributes:
        call: The call.
        tensor: What the kernel reads.
        labels: Labels of the channels, once each.
        repeats: How often they come one after the other along the axis (behind a flatten).
        axis: The channel axis of the tensor.
        kernel: The dense kernel.
        kernel_axes: Labels along its axes.
        at: Its axis for the channels that are read.
    """

    call: Call
    tensor: Tensor
    labels: np.ndarray
    repeats: int
    axis: int
    kernel: Any
    kernel_axes: tuple[np.ndarray | None, ...]
    at: int

    @property
    def outputs(self) -> np.ndarray:
        """Labels of the channels that the kernel makes."""
        return next(
            labels
            for axis, labels in enumerate(self.kernel_axes)
            if axis != self.at and labels is not None
        )


def _reader(copy: SlimCopy, call: Call) -> _Reader | None:
    graph, reads = copy.graph, copy.graph.effects[call.position].reads
    if reads is None:
        return None
    for weight in graph.weights_of(call.position):
        places = [i for i, labels in enumerate(weight.axes) if labels is reads]
        mixes = sum(labels is not None for labels in weight.axes) > 1
        if not places or not mixes:
            continue
        tensor = call.inputs[0]
        channels = graph.channels_of(tensor)
        if channels is None:
            return None
        labels, repeats = _once(channels.labels)
        return _Reader(
            call, tensor, labels, repeats, channels.axis, weight.variable, weight.axes, places[0]
        )
    return None


def _once(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """The labels of one position if a flatten put several positions one after the other."""
    again = np.flatnonzero(labels == labels[0])
    period = int(again[1]) if len(again) > 1 else len(labels)
    if len(labels) % period == 0:
        repeats = len(labels) // period
        if np.array_equal(labels, np.tile(labels[:period], repeats)):
            return labels[:period], repeats
    return labels, 1


def _fold_into(copy: SlimCopy, reader: _Reader, runs: _Runs) -> None:
    stays = copy.kept(reader.labels)
    moments = _moments(reader, stays, runs)
    samples = moments.count / max(_pixels(reader), 1)
    effective = samples * np.sqrt(_pixels(reader))
    constant = _constant_of(copy, reader.call, reader.outputs)
    weights, offset = predict(moments, stays, effective, intercept=constant is not None)
    kernel = _dense_kernel(copy, reader)
    folded = (kernel @ weights).reshape(*kernel.shape[:-2], -1)
    _weight(copy, reader.call, reader.kernel).assign(np.moveaxis(folded, -1, reader.at))
    if constant is not None:
        variable, sign = constant
        shift = _summed(kernel @ offset, reader) * sign
        variable.assign_add(shift.astype("float32"))


def _moments(reader: _Reader, stays: np.ndarray, runs: _Runs) -> Moments:
    """Moments of what a kernel reads in the slim and in the dense model, side by side."""
    width, left = len(stays), int(stays.sum())

    def read() -> Iterator[tuple[int, np.ndarray]]:
        for number, (dense, slim) in runs.pairs:
            x = _positions(dense.value(reader.tensor), reader, width)
            y = _positions(slim.value(reader.tensor), reader, left)
            yield number, np.concatenate([y, x], axis=1)

    return summed(runs.data, read(), lambda: Moments(left + width), Moments.update)


def _dense_kernel(copy: SlimCopy, reader: _Reader) -> np.ndarray:
    """The kernel with sliced outputs and all its inputs: (..., repeats, channels)."""
    kernel = keras.ops.convert_to_numpy(reader.kernel).astype(np.float64)
    for axis, labels in enumerate(reader.kernel_axes):
        if labels is not None and axis != reader.at:
            kernel = np.compress(copy.kept(labels), kernel, axis=axis)
    kernel = np.moveaxis(kernel, reader.at, -1)
    return kernel.reshape(*kernel.shape[:-1], reader.repeats, len(reader.labels))


def _summed(taps: np.ndarray, reader: _Reader) -> np.ndarray:
    """What every output gets if every input gets a constant."""
    axes = [a for a in range(len(reader.kernel_axes)) if a != reader.at]
    keep = next(i for i, a in enumerate(axes) if reader.kernel_axes[a] is not None)
    total = taps.sum(axis=tuple(i for i in range(taps.ndim) if i != keep))
    if "Transpose" in type(reader.call.op).__name__:
        # An output meets only every stride-th tap of the kernel.
        total = total / np.prod(reader.call.op.strides)
    return total


def _constant_of(copy: SlimCopy, call: Call, outputs: np.ndarray) -> tuple[Any, float] | None:
    """The variable that can take a constant: a bias, or the moving mean right behind (negated)."""
    graph = copy.graph
    for weight in graph.weights_of(call.position):
        if len(weight.axes) == 1 and weight.axes[0] is outputs:
            return _weight(copy, call, weight.variable), 1.0
    readers = [c for c in graph.trace.calls if call.outputs[0] in c.inputs]
    if len(readers) == 1 and isinstance(readers[0].op, keras.layers.BatchNormalization):
        return copy.ops[readers[0].name].moving_mean, -1.0
    return None


def _weight(copy: SlimCopy, call: Call, variable: Any) -> Any:
    """The slim twin of a variable."""
    at = next(i for i, v in enumerate(call.op.weights) if v is variable)
    return copy.ops[call.name].weights[at]


def _positions(value: Any, reader: _Reader, width: int) -> np.ndarray:
    array = np.moveaxis(keras.ops.convert_to_numpy(value), reader.axis, -1)
    return array.reshape(-1, width)


def _pixels(reader: _Reader) -> int:
    sizes = [s or 1 for i, s in enumerate(reader.tensor.shape) if i not in (0, reader.axis)]
    return int(np.prod(sizes, dtype=np.int64)) * reader.repeats


FOLDS = {"least_squares": fold_least_squares, "obs": fold_obs}
