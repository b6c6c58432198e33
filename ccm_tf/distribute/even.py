"""Batches that replicas can share equally."""

from typing import Any

import keras


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
