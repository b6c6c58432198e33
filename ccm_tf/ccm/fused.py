"""The CCM term with gradients in closed form: a few small operations per feature map.

Automatic differentiation of the correlation would materialise a gradient as large as the feature
map for every loss and add it in another pass. Here a *tap* hands the feature map on unchanged
together with its statistics (the mean map, or the moments over samples), and its backward pass
adds both gradients at once. Everything after the taps is small: the statistics of equal shape are
stacked, so that the number of operations hardly grows with the number of layers.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from ccm_tf import replicas
from ccm_tf.ccm import correlation


class MapStatistics(NamedTuple):
    """Sum of a feature map over `count` images, shape `(pixels, channels)`."""

    count: Any
    total: Any


class SampleStatistics(NamedTuple):
    """Channel means `(channels,)` and centred second moments `(channels, channels)` of samples."""

    count: Any
    mean: Any
    moments: Any


def tap(features: Any, over: str) -> tuple[Any, MapStatistics | SampleStatistics]:
    """A feature map, unchanged, and the statistics that its correlation needs.

    Args:
        features: Tensor of shape `(batch, ..., channels)`.
        over: `"mean_map"` or `"samples"`, as in `ccm_tf.channel_correlation`.

    Returns:
        `(features, statistics)`; gradients flow back through both.
    """
    if correlation.reduces_to_map(features, over):
        count = ops.cast(ops.shape(features)[0], "float32")
        features, total = _tap_map(features)
        return features, MapStatistics(count, total)
    count = ops.cast(ops.prod(ops.shape(features)[:-1]), "float32")
    features, mean, moments = _tap_samples(features)
    return features, SampleStatistics(count, mean, moments)


def scores(
    statistics: Sequence[MapStatistics | SampleStatistics], epsilons: Sequence[float]
) -> list[Any]:
    """S = mean |correlation| of every feature map, each a float32 scalar.

    Args:
        statistics: What `tap` returned, per feature map.
        epsilons: The `epsilon` of each, as in `ccm_tf.channel_correlation`.
    """
    groups: dict[Any, list[int]] = {}
    for index, (entry, epsilon) in enumerate(zip(statistics, epsilons, strict=True)):
        shape = tuple(entry[1].shape)
        # Maps of unknown size cannot be stacked with others.
        key = index if None in shape else (type(entry), shape, epsilon)
        groups.setdefault(key, []).append(index)
    result: list[Any] = [None] * len(statistics)
    for members in groups.values():
        entries, epsilon = [statistics[i] for i in members], epsilons[members[0]]
        # Field by field: the counts of all these layers, their sums or means, their moments.
        stacked = [ops.stack(field) for field in zip(*entries, strict=True)]
        if isinstance(entries[0], MapStatistics):
            counts, totals = stacked
            values = _map_scores(totals / ops.maximum(counts, 1.0)[:, None, None], epsilon)
        else:
            counts, means, moments = stacked
            values = _sample_scores(counts, means, moments, epsilon)
        for index, value in zip(members, ops.unstack(values, len(members)), strict=True):
            result[index] = value
    return result


def synchronised(
    statistics: Sequence[MapStatistics | SampleStatistics],
) -> list[MapStatistics | SampleStatistics]:
    """The statistics of the whole batch, from each replica's share of it.

    A replica's gradient covers its own images only. It is multiplied by the number of replicas,
    because additional losses are divided by it (Keras does, as for weight regularisation), so the
    sum over the replicas is the gradient that one device would have.
    """
    if replicas.count() == 1:
        return list(statistics)
    sums = [
        (s.count, s.total if isinstance(s, MapStatistics) else s.count * s.mean) for s in statistics
    ]
    shared: list[Any] = []
    for own, (count, total) in zip(statistics, replicas.all_reduce_sum(sums), strict=True):
        if isinstance(own, MapStatistics):
            shared.append(MapStatistics(count, _with_own_gradient(total, own.total)))
        else:
            mean = total / ops.maximum(count, 1.0)
            offset = own.mean - mean
            moments = own.moments + own.count * offset[:, None] * offset[None, :]
            shared.append(SampleStatistics(count, mean, moments))
    moments = [s.moments for s in shared if isinstance(s, SampleStatistics)]
    reduced = iter(replicas.all_reduce_sum(moments))
    return [
        s._replace(moments=_with_own_gradient(next(reduced), s.moments))
        if isinstance(s, SampleStatistics)
        else s
        for s in shared
    ]


def _with_own_gradient(value, share):
    """The replicas' common `value`, with the gradient of this replica's share of it."""
    return value + replicas.count() * (share - ops.stop_gradient(share))


def _tap_map(features):
    @ops.custom_gradient
    def identity(x):
        def gradient(*upstream):
            dx, dtotal = _flat(upstream)
            return dx + ops.reshape(ops.cast(dtotal, x.dtype), (1, *ops.shape(x)[1:]))

        return (x, correlation.as_rows(ops.sum(ops.cast(x, "float32"), axis=0))), gradient

    return identity(features)


def _tap_samples(features):
    @ops.custom_gradient
    def identity(x):
        rows = correlation.as_rows(ops.cast(x, "float32"))
        count = ops.maximum(ops.cast(ops.shape(rows)[0], "float32"), 1.0)
        mean = _sample_mean(x)
        deviations = rows - mean
        moments = ops.matmul(ops.transpose(deviations), deviations)

        def gradient(*upstream):
            dx, dmean, dmoments = _flat(upstream)
            both = dmoments + ops.transpose(dmoments)
            offset = dmean / count - ops.matmul(mean[None], both)[0]
            share = ops.add(ops.matmul(rows, both), offset)
            return dx + ops.reshape(ops.cast(share, x.dtype), ops.shape(x))

        return (x, mean, moments), gradient

    return identity(features)


def _sample_mean(x):
    # In two stages: one sum over all samples would lose digits in float32.
    if len(x.shape) > 2:
        rows = correlation.mean_map(x)
    else:
        rows = ops.cast(x, "float32")
    first = rows[:1]
    total = ops.sum(rows - first, axis=0) / ops.maximum(
        ops.cast(ops.shape(rows)[0], "float32"), 1.0
    )
    return total + ops.sum(first, axis=0)


def _map_scores(means, epsilon):
    """S of stacked mean maps (layers, pixels, channels) -> (layers,)."""

    @ops.custom_gradient
    def score(x):
        rows, mean = correlation.centred(x)
        count = ops.cast(ops.shape(x)[-2], "float32")
        inverse = correlation.inverse_norms(
            ops.sum(ops.square(rows), axis=-2, keepdims=True), mean, count, epsilon
        )
        units = rows * inverse
        matrix = ops.matmul(ops.transpose(units, (0, 2, 1)), units)
        sums = ops.sum(ops.abs(matrix), axis=-1)
        entries = float(x.shape[-1]) ** 2

        def gradient(*upstream):
            (dscore,) = _flat(upstream)
            pull = ops.matmul(units, ops.sign(matrix)) - units * sums[:, None, :]
            return pull * inverse * (dscore * (2.0 / entries))[:, None, None]

        return ops.sum(sums, axis=-1) / entries, gradient

    return score(means)


def _sample_scores(counts, means, moments, epsilon):
    """S of stacked moments (layers, channels, channels) -> (layers,)."""

    # Means and counts decide which channels are constant, nothing else. They are arguments all the
    # same: JAX allows no closure over tensors that are being differentiated.
    @ops.custom_gradient
    def score(gram, mean, count):
        eye = ops.eye(gram.shape[-1])
        inverse = correlation.inverse_norms(
            ops.sum(gram * eye, axis=-1), mean, count[:, None], epsilon
        )
        outer = inverse[:, :, None] * inverse[:, None, :]
        sums = ops.sum(ops.abs(gram * outer), axis=-1)
        entries = float(gram.shape[-1]) ** 2

        def gradient(*upstream):
            (dscore,) = _flat(upstream)
            pull = ops.sign(gram) * outer - eye * (sums * ops.square(inverse))[:, :, None]
            dgram = pull * (dscore / entries)[:, None, None]
            return dgram, ops.zeros_like(mean), ops.zeros_like(count)

        return ops.sum(sums, axis=-1) / entries, gradient

    return score(moments, means, counts)


def _flat(upstream):
    """Upstream gradients: TensorFlow passes them one by one, JAX as one structure."""
    return keras.tree.flatten(upstream)
