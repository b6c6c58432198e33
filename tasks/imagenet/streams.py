"""Batches of images as streams of `tf.data`, and the data set that hands them out."""

import dataclasses
from typing import Any

import numpy as np

from tasks.batches import Batches, Preprocessing
from tasks.datasets.source import Images
from tasks.imagenet.crops import MEAN, STD, central_crop, normalised, random_crop
from tasks.imagenet.sources import SOURCES, Split

# Evaluation images of at most so many bytes are kept after they have been decoded once.
_CACHE = 2**30


class StreamBatches:
    """Batches of one split, in an order that depends on seed and epoch alone.

    Every worker reads its own part of each global batch, and decodes nothing else, so that several
    workers see the batches that one would.

    Args:
        split: The images.
        size: Side of the images in pixels.
        batch_size: Images per batch, over all replicas.
        seed: Shuffles and crops at random, and leaves out what does not fill a batch; `None` does
            neither.
    """

    def __init__(self, split: Split, size: int, batch_size: int, seed: int | None):
        if seed is not None and len(split) < batch_size:
            raise ValueError(
                f"{len(split)} training images do not fill a batch of {batch_size}. Pass a smaller "
                "--batch_size."
            )
        self.split = split
        self.size = size
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        # `tasks.evaluation` counts them.
        self.labels = range(len(split))
        self._reader: tuple[int, Any] | None = None

    def __len__(self) -> int:
        whole, rest = divmod(len(self.split), self.batch_size)
        return whole + (self.seed is None and rest > 0)

    def __getitem__(self, index: int) -> Any:
        """A batch; they are read one after the other, from the first on."""
        if index == 0:
            self._reader = (0, iter(self.dataset()))
        if self._reader is None or self._reader[0] != index:
            raise IndexError(f"Batches are read in order, from 0 on. Received: index={index}")
        self._reader = (index + 1, self._reader[1])
        x, y = next(self._reader[1])
        return x.numpy(), y.numpy()

    def stream(self, strategy: Any, first: int = 0, epochs: int = 1, done: int = 0) -> Any:
        """The batches of some epochs for `strategy.fit`, with `steps_per_epoch=len(self)`.

        Args:
            strategy: A `ccm_tf.distribute.Strategy`.
            first: The first epoch.
            epochs: Number of the last epoch.
            done: So many batches of the first epoch are left out.
        """
        if not strategy.synchronises:
            return self.dataset(first, epochs, done=done)
        local = self.batch_size // strategy.replicas
        return strategy.native.distribute_datasets_from_function(
            lambda context: self.dataset(
                first, epochs, strategy.index, strategy.workers, local, done
            ).prefetch(4)
        )

    def dataset(
        self,
        first: int = 0,
        epochs: int = 1,
        index: int = 0,
        workers: int = 1,
        batch_size: int | None = None,
        done: int = 0,
    ) -> Any:
        """A `tf.data.Dataset` of normalised images and labels.

        Args:
            first: The first epoch.
            epochs: Number of the last epoch.
            index: Which worker's images.
            workers: Of how many.
            batch_size: Images per element. Defaults to those of a batch.
            done: So many batches of the first epoch are left out, without being decoded.
        """
        import tensorflow as tf

        automatic = tf.data.AUTOTUNE
        random = self.seed is not None
        per_worker = self.batch_size // workers

        def one_epoch(epoch: Any) -> Any:
            order = (self.seed or 0) * 1_000_003 + epoch if random else tf.constant(-1, tf.int64)
            data = self.split.records(order)
            if random and self.split.parse is not None:
                data = data.shuffle(
                    8 * self.batch_size, seed=self.seed, reshuffle_each_iteration=False
                )
            data = data.enumerate().shard(workers, index)
            if random:
                data = data.take(len(self) * per_worker)
            if done:
                data = data.skip(tf.cast(epoch == first, "int64") * done * per_worker)
            return data.map(
                lambda number, record: self._example(epoch, number, record),
                num_parallel_calls=automatic,
                deterministic=True,
            )

        data = tf.data.Dataset.range(first, max(epochs, first + 1)).flat_map(one_epoch)
        if not random and len(self.split) * self.size**2 * 3 < _CACHE:
            data = data.cache()
        data = data.batch(batch_size or self.batch_size, drop_remainder=random)
        data = data.map(lambda x, y: (normalised(x), y), num_parallel_calls=automatic)
        return data.prefetch(automatic).with_options(_options())

    def _example(self, epoch: Any, number: Any, record: Any) -> Any:
        import tensorflow as tf

        record = record if isinstance(record, tuple) else (record,)
        encoded, label = self.split.opened(*record)
        if self.seed is None:
            image = central_crop(encoded, self.size)
        else:
            image = random_crop(encoded, self.size, tf.stack([self.seed + epoch, number]))
        return tf.ensure_shape(image, (self.size, self.size, 3)), label


@dataclasses.dataclass(frozen=True)
class StreamedDataset:
    """A data set on disk, with the face of `tasks.data.Dataset`.

    Attributes:
        name: Name of the data set.
        train: Images to train on.
        validation: Images held back from the training set; `None` if there are none.
        test: Images for the final numbers.
        classes: Names of the classes in the order of their labels.
        size: Side of the images in pixels.
    """

    name: str
    train: Split
    validation: Split | None
    test: Split
    classes: tuple[str, ...]
    size: int

    labelled = True
    preprocessing = Preprocessing(MEAN, STD, pad=0, flip=False)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        return self.size, self.size, 3

    def batches(self, split: str, batch_size: int = 128, seed: int | None = None) -> StreamBatches:
        """Batches of a split; see `StreamBatches`."""
        return StreamBatches(getattr(self, split), self.size, batch_size, seed)

    def sample(self, split: str, count: int, seed: int = 0) -> Images:
        """Some images of a split, decoded into memory: the same for the same seed."""
        part = getattr(self, split)
        records = part.records(np.int64(seed)).take(count)
        found = [
            (central_crop(encoded, self.size).numpy(), int(label))
            for encoded, label in records.map(part.opened)
        ]
        images, labels = zip(*found, strict=True)
        return Images(np.stack(images), np.array(labels, "int32"))

    def batches_of(self, part: Images, batch_size: int = 128, seed: int | None = None) -> Batches:
        """Batches of images that `sample` drew."""
        return Batches(part.images, part.labels, self.preprocessing, batch_size, seed)


def load(name: str, data_dir: str, validation_split: float, seed: int, size: int):
    """Looks for a data set, without reading images.

    Args:
        name: One of `SOURCES`.
        data_dir: Where it lies.
        validation_split: Share of the training images to hold back; image folders only.
        seed: Which images are held back.
        size: Side of the images in pixels.

    Raises:
        ValueError: If the data are not as expected.
    """
    source = SOURCES[name](data_dir)
    train, validation = source.train, None
    if validation_split:
        if train.labels is None:
            raise ValueError(
                f"--dataset={name} holds no images back, its shards are read whole. Pass "
                "--validation_split=0."
            )
        chosen = np.random.default_rng(seed).random(len(train)) < validation_split
        train, validation = (_part(train, rows) for rows in (~chosen, chosen))
    return StreamedDataset(name, train, validation, source.test, source.classes, size)


def _part(split: Split, rows: np.ndarray) -> Split:
    return Split(split.files[rows], split.labels[rows], int(rows.sum()))


def _options() -> Any:
    import tensorflow as tf

    options = tf.data.Options()
    # Workers take their parts of each batch themselves, before anything is decoded.
    policy = tf.data.experimental.AutoShardPolicy.OFF
    options.experimental_distribute.auto_shard_policy = policy
    return options
