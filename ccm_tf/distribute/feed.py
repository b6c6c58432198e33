"""Data as streams of batches, of which every replica gets its part."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


class ArrayBatches(keras.utils.PyDataset):
    """Arrays as batches whose order depends on seed and epoch alone: the same on every worker.

    Args:
        arrays: Arrays of equally many samples, in any structure.
        batch_size: Samples per batch.
        seed: Shuffles anew in every epoch; `None` keeps the order.
        epoch: The first epoch.
    """

    def __init__(self, arrays: Any, batch_size: int, seed: int | None, epoch: int = 0):
        super().__init__()
        self.arrays = arrays
        self.batch_size = batch_size
        self.seed = seed
        self._samples = len(keras.tree.flatten(arrays)[0])
        self._epoch = epoch
        self._order = np.arange(self._samples)
        self._shuffle()

    def __len__(self) -> int:
        return -(-self._samples // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        return keras.tree.map_structure(lambda array: np.asarray(array)[rows], self.arrays)

    def on_epoch_end(self) -> None:
        """Makes the next epoch's order."""
        self._epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        if self.seed is not None:
            self._order = np.random.default_rng((self.seed, self._epoch)).permutation(self._samples)


class Feed:
    """Batches for a `Trainer`: made once, read once per epoch.

    Args:
        strategy: A `TensorFlowStrategy`.
        data: A `keras.utils.PyDataset` of global batches that is the same on every worker, or a
            `tf.data.Dataset` of global batches, or what `distribute_datasets_from_function` made.
        steps: Batches per epoch; needed where the data cannot say how many it has.
        equal: Whether every replica must get equally many samples, as training needs. Otherwise
            all samples are dealt out, and a replica may get none.

    Attributes:
        steps: Batches per epoch.
        example: A batch, of which only shapes and types matter.

    Raises:
        ValueError: If the data is something else, its number of batches is unknown, or replicas
            that must get equally many samples do not divide its batches.
    """

    def __init__(self, strategy: Any, data: Any, steps: int | None, equal: bool):
        import tensorflow as tf

        self._strategy = strategy
        self._equal = equal
        self._data = data
        if isinstance(data, keras.utils.PyDataset):
            self.example = data[0]
            rows = len(keras.tree.flatten(self.example)[0])
            # Of the last batch of an epoch they leave out what they cannot share.
            if equal and (data.num_batches != 1 or rows < strategy.replicas):
                strategy.check_batch_size(rows)
            self.steps = _steps(steps, self._indexed_steps())
            self._signature = _signature(self.example)
            self._distributed = strategy.native.distribute_datasets_from_function(self._own)
        elif isinstance(data, (tf.data.Dataset, tf.distribute.DistributedDataset)):
            self.steps = _steps(steps, _cardinality(data))
            self._distributed = data
            if isinstance(data, tf.data.Dataset):
                self._distributed = strategy.native.experimental_distribute_dataset(data)
            self.example = self._first()
        else:
            raise ValueError(
                "With several workers, data must be arrays, a `keras.utils.PyDataset` or a "
                f"`tf.data.Dataset`, so that each can take its part. Received: "
                f"{type(data).__name__}."
            )

    def iterator(self) -> Any:
        """A new pass over the data."""
        if isinstance(self._data, keras.utils.PyDataset):
            self._data.on_epoch_begin()
        return iter(self._distributed)

    def end(self) -> None:
        """Says that a pass is over."""
        if isinstance(self._data, keras.utils.PyDataset):
            self._data.on_epoch_end()

    def _first(self) -> Any:
        """What the first replica here gets first."""
        element = next(iter(self._distributed))
        local = self._strategy.native.experimental_local_results
        return keras.tree.map_structure(lambda value: local(value)[0].numpy(), element)

    def _indexed_steps(self) -> int:
        count = self._data.num_batches
        if count is None:
            return -1
        last = len(keras.tree.flatten(self._data[count - 1])[0])
        return count - (self._equal and last < self._strategy.replicas)

    def _own(self, context: Any) -> Any:
        """This worker's parts of the batches, for one of its replicas after the other."""
        import tensorflow as tf

        local = self._strategy.replicas // self._strategy.workers
        first = self._strategy.index * local

        def parts() -> Iterator[Any]:
            for index in range(self.steps):
                batch = self._data[index % self._data.num_batches]
                for replica in range(first, first + local):
                    yield part(batch, replica, self._strategy.replicas, self._equal)

        dataset = tf.data.Dataset.from_generator(parts, output_signature=self._signature)
        return dataset.prefetch(2 * local)


def part(batch: Any, replica: int, replicas: int, equal: bool) -> Any:
    """One replica's samples of a batch.

    Args:
        batch: Arrays in any structure.
        replica: Which replica.
        replicas: Of how many.
        equal: Leave out samples at the end that would make parts unequal.
    """
    rows = len(keras.tree.flatten(batch)[0])
    if equal:
        rows -= rows % replicas
    own = slice(rows * replica // replicas, rows * (replica + 1) // replicas)
    return _tuples(keras.tree.map_structure(lambda array: np.asarray(array)[own], batch))


def _steps(asked: int | None, there: int) -> int:
    if asked is not None:
        return asked
    if there < 1:
        raise ValueError(
            "The data does not say how many batches it has, so all workers have to be told: pass "
            "`steps_per_epoch` (and `validation_steps`), and repeat the data set: "
            "`dataset.repeat()`."
        )
    return there


def _cardinality(data: Any) -> int:
    count = getattr(data, "cardinality", None)
    return int(count()) if callable(count) else -1


def _signature(batch: Any) -> Any:
    import tensorflow as tf

    def spec(array: Any) -> Any:
        array = np.asarray(array)
        return tf.TensorSpec((None, *array.shape[1:]), array.dtype)

    return _tuples(keras.tree.map_structure(spec, batch))


def _tuples(value: Any) -> Any:
    """Lists, which `tf.data` would take for tensors, as tuples."""
    if isinstance(value, dict):
        return {key: _tuples(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(_tuples(one) for one in value)
    return value
