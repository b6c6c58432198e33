"""Batches that replicas can share equally."""

from typing import Any

import keras

from ccm_tf.distribute.feed import ArrayBatches


class EvenBatches(keras.utils.PyDataset):
    """Another data set's batches, each without the samples at its end that make it uneven.

    At most `replicas - 1` samples of a batch are left out; with a batch size that the replicas
    divide, only of the last one.

    Args:
        data: The data set.
        replicas: Every batch gets a multiple of so many samples.
    """

    def __init__(self, data: keras.utils.PyDataset, replicas: int):
        super().__init__()
        self.data = data
        self.replicas = replicas
        last = len(keras.tree.flatten(data[len(data) - 1])[0])
        # A batch of which nothing would be left is no batch.
        self._batches = len(data) - (last < replicas)

    def __len__(self) -> int:
        return self._batches

    def __getitem__(self, index: int) -> Any:
        batch = self.data[index]
        rows = len(keras.tree.flatten(batch)[0])
        rows -= rows % self.replicas
        return keras.tree.map_structure(lambda array: array[:rows], batch)

    def on_epoch_begin(self) -> None:
        """Passes it on."""
        self.data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Passes it on."""
        self.data.on_epoch_end()


def for_evaluation(data: Any, replicas: int, batch_size: int | None = None) -> Any:
    """Data for Keras's `evaluate`, of whose batches every replica gets a part.

    Keras deals out the parts from the first replica on, so that the last ones may get nothing of a
    small batch, and layers such as batch normalisation fail on nothing. Only where that happens,
    samples are left out, see `EvenBatches`.

    Args:
        data: A `keras.utils.PyDataset`, or arrays `(x, y)` or `(x, y, sample_weight)`; anything
            else is returned as it is.
        replicas: Number of replicas.
        batch_size: Samples per batch of arrays. Defaults to 32, as in Keras.
    """
    if isinstance(data, tuple) and all(hasattr(part, "shape") for part in data):
        batches: Any = ArrayBatches(data, batch_size or 32, None)
    else:
        batches = data
    if not isinstance(batches, keras.utils.PyDataset) or not batches.num_batches:
        return data
    last = len(keras.tree.flatten(batches[batches.num_batches - 1])[0])
    part = -(-last // replicas)
    return EvenBatches(batches, replicas) if part * (replicas - 1) >= last else data
