"""Whatever a user calls data, as a stream of batches of model inputs."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np

from ccm_tf.statistics.sharded import Sharded, Share


def batches(
    data: Any, batch_size: int = 128, max_batches: int | None = None, labels: bool = False
) -> Iterator[Any]:
    """Yields batches of model inputs from arrays, data sets and iterables.

    Targets and sample weights are dropped: `(x, y)` and `(x, y, sample_weight)` give `x`, as in
    `keras.Model.fit`. Nothing is kept between batches and nothing is read ahead.

    Args:
        data: One of
            - an array of samples, or a dict or list of arrays for a model with several inputs;
            - a tuple `(x, y)` or `(x, y, sample_weight)` of such;
            - a `tf.data.Dataset` of batches, a `keras.utils.PyDataset`, or any iterable of
              batches, each `x`, `(x, y)` or `(x, y, sample_weight)`;
            - `Sharded` data, all of it, or a `Share` of it.
        batch_size: Samples per batch where `data` is arrays; batched data keeps its batches.
            Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of them; needed for data
            without an end.
        labels: Yield the targets too, as pairs `(x, y)`. Defaults to `False`.

    Yields:
        Numpy arrays, or dicts or lists of them: the inputs of one batch.

    Raises:
        ValueError: If there is no data or no batch in it, arrays differ in length, the data has no
            end, a number is not positive, or labels are asked for and there are none.

    Example:

    ```python
    for images in batches((x_train, y_train), batch_size=64, max_batches=10):
        ...
    ```
    """
    _check_positive("batch_size", batch_size)
    if max_batches is not None:
        _check_positive("max_batches", max_batches)
    share = data if isinstance(data, Share) else None
    if share is not None:
        share.limit(batch_count(data, batch_size, max_batches))
    data = _source(data)
    if data is None:
        raise ValueError(
            "Data is needed here: images as an array, a `tf.data.Dataset`, a "
            "`keras.utils.PyDataset` or an iterable of batches. Received: data=None."
        )
    if max_batches is None and _endless(data):
        raise ValueError(
            "The data has no end. Pass `max_batches`, or take some batches: `data.take(100)`. "
            f"Received: {type(data).__name__}."
        )
    if labels and _as_arrays(data) is not None:
        _labelled(data)
    part = _labelled if labels else _inputs_of
    if share is None:
        return _stream(data, batch_size, max_batches, part)
    return _numbered(data, batch_size, max_batches, part, share)


def batch_count(data: Any, batch_size: int = 128, max_batches: int | None = None) -> int | None:
    """Number of batches that `batches` will yield, `None` if that cannot be known beforehand.

    Of a `Share` it is the number of batches of all workers.
    """
    data = _source(data)
    arrays = _as_arrays(data)
    count: int | None
    if arrays is not None:
        count = -(-len(keras.tree.flatten(arrays)[0]) // batch_size)
    elif isinstance(data, keras.utils.PyDataset):
        count = data.num_batches
    else:
        count = _length(data)
    if max_batches is None:
        return count
    return max_batches if count is None else min(count, max_batches)


def sample_count(data: Any, batch_size: int = 128, max_batches: int | None = None) -> int | None:
    """Number of samples that `batches` will yield, `None` if that cannot be known beforehand."""
    arrays = _as_arrays(_source(data))
    if arrays is None:
        return None
    count = len(keras.tree.flatten(arrays)[0])
    return count if max_batches is None else min(count, batch_size * max_batches)


def _check_positive(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"Argument `{name}` must be a positive integer. Received: {value!r}")


def _stream(
    data: Any, batch_size: int, max_batches: int | None, part: Callable[[Any], Any]
) -> Iterator[Any]:
    empty = True
    for batch in itertools.islice(_all_batches(data, batch_size, part), max_batches):
        empty = False
        yield batch
    if empty:
        raise ValueError(
            f"The data holds no batch. Received: {type(data).__name__}. (A generator can be read "
            "once; to read it again make a new one, or pass a list of batches.)"
        )


def _numbered(
    data: Any,
    batch_size: int,
    max_batches: int | None,
    part: Callable[[Any], Any],
    share: Share,
) -> Iterator[Any]:
    """The batches of a share; there may be none, and then nobody is to blame."""
    stream = itertools.islice(_lazy_batches(data, batch_size, part), max_batches)
    for number, read in enumerate(stream):
        if share.owns(number):
            share.take(number)
            yield read()


def _all_batches(data: Any, batch_size: int, part: Callable[[Any], Any]) -> Iterator[Any]:
    for read in _lazy_batches(data, batch_size, part):
        yield read()


def _lazy_batches(
    data: Any, batch_size: int, part: Callable[[Any], Any]
) -> Iterator[Callable[[], Any]]:
    """Functions that read one batch each, so that those of others need not be read."""
    if _as_arrays(data) is not None:
        yield from _slices(part(data), batch_size)
        return

    def converted(element: Any) -> Any:
        return keras.tree.map_structure(np.asarray, part(element))

    if isinstance(data, keras.utils.PyDataset):
        count = data.num_batches
        for index in itertools.count() if count is None else range(count):
            yield functools.partial(lambda place: converted(data[place]), index)
        return
    if not isinstance(data, Iterable):
        raise ValueError(
            "Expected an array, a tuple `(x, y)`, a `tf.data.Dataset`, a `keras.utils.PyDataset` "
            f"or an iterable of batches. Received: {type(data).__name__}."
        )
    for element in data:
        yield functools.partial(converted, element)


def _source(data: Any) -> Any:
    """The data that a worker's view of it is a view of."""
    return data.source if isinstance(data, (Share, Sharded)) else data


def _inputs_of(element: Any) -> Any:
    """The `x` of one element: a tuple is `(x,)`, `(x, y)` or `(x, y, sample_weight)`."""
    if isinstance(element, tuple) and element:
        return element[0]
    return element


def _labelled(element: Any) -> tuple[Any, Any]:
    """The `(x, y)` of one element."""
    if isinstance(element, tuple) and len(element) > 1 and element[1] is not None:
        x, y = element[:2]
        numbers = isinstance(y, (list, tuple)) and not any(map(_is_array, y))
        return x, np.asarray(y) if numbers else y
    raise ValueError(
        "Labels are needed here: pass `(x, y)`, or a data set or iterable of batches `(x, y)`. "
        f"Received: {type(element).__name__} without labels."
    )


def _as_arrays(data: Any) -> Any:
    """The inputs as whole arrays, or `None` if `data` is a stream of batches."""
    data = data[0] if isinstance(data, tuple) and 1 <= len(data) <= 3 else data
    if _is_array(data):
        return data
    values = list(data.values()) if isinstance(data, dict) else data
    if isinstance(values, list) and values and all(_is_array(v) for v in values):
        return data
    return None


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "__getitem__")


def _slices(arrays: Any, batch_size: int) -> Iterator[Callable[[], Any]]:
    lengths = {len(array) if len(array.shape) else 0 for array in keras.tree.flatten(arrays)}
    if len(lengths) > 1:
        raise ValueError(
            "Arrays of inputs must hold equally many samples. Received arrays with "
            f"{sorted(lengths)} samples. (To pass a list of batches, make each a tuple: `(x,)`.)"
        )
    for start in range(0, lengths.pop(), batch_size):
        yield functools.partial(_rows_of, arrays, slice(start, start + batch_size))


def _rows_of(arrays: Any, rows: slice) -> Any:
    return keras.tree.map_structure(lambda array: np.asarray(array[rows]), arrays)


def _length(data: Any) -> int | None:
    try:
        return len(data)
    except TypeError:
        return None


def _endless(data: Any) -> bool:
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches is None
    cardinality = getattr(data, "cardinality", None)
    # `tf.data.INFINITE_CARDINALITY` is -1; an unknown cardinality is -2.
    return callable(cardinality) and int(cardinality()) == -1
