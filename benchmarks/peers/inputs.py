"""The images of a comparison, drawn once and the same for everybody."""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ccm_tf.files import atomic_path
from tasks.batches import Batches, Preprocessing
from tasks.data import Dataset

# So many test images are enough to see whether two networks compute the same.
CHECKED = 64
_PARTS = ("sample", "recalibration", "tuning", "test")


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Images (uint8) with labels, and how to normalise them.

    Attributes:
        sample: Training images for statistics and gradients.
        recalibration: Training images for statistics of batch normalisation.
        tuning: Batch after batch of the fine-tuning, cropped and mirrored already.
        tuning_sizes: How many images each of these batches has: the last of an epoch has fewer.
        test: All test images.
        preprocessing: Normalisation; nothing is augmented any more.
    """

    sample: tuple[np.ndarray, np.ndarray]
    recalibration: tuple[np.ndarray, np.ndarray]
    tuning: tuple[np.ndarray, np.ndarray]
    tuning_sizes: np.ndarray
    test: tuple[np.ndarray, np.ndarray]
    preprocessing: Preprocessing

    def normalised(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Numbers and labels of one part."""
        images, labels = getattr(self, part)
        return self.preprocessing.normalise(images), labels

    @property
    def checked(self) -> np.ndarray:
        """Test images on which outputs are compared."""
        return self.preprocessing.normalise(self.test[0][:CHECKED])

    @property
    def fingerprint(self) -> str:
        """Tells other images apart; those of the fine-tuning follow from its recipe."""
        digest = hashlib.sha256()
        for part in ("sample", "recalibration", "test"):
            for array in getattr(self, part):
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:12]

    def test_batches(self, batch_size: int = 500) -> Batches:
        """The test images in their order."""
        return Batches(*self.test, self.preprocessing, batch_size)

    def tuning_batches(self) -> "InTurn":
        """The batches of the fine-tuning, normalised."""
        return InTurn(self)


class InTurn:
    """The stored batches of a fine-tuning, by number.

    Args:
        inputs: Where they are stored.
    """

    def __init__(self, inputs: Inputs):
        self._inputs = inputs
        self._ends = np.cumsum(inputs.tuning_sizes)

    def __len__(self):
        return len(self._ends)

    def __getitem__(self, index):
        end = self._ends[index]
        rows = slice(end - self._inputs.tuning_sizes[index], end)
        images, labels = self._inputs.tuning
        return self._inputs.preprocessing.normalise(images[rows]), labels[rows]


def draw(dataset: Dataset, counts: dict[str, int], recipe: dict[str, Any], seed: int) -> Inputs:
    """Draws what `benchmarks.accuracy` draws for the same seed.

    Args:
        dataset: All images.
        counts: How many images `"sample"` and `"recalibration"` have.
        recipe: `steps` and `batch_size` of the fine-tuning, and whether to `augment`.
        seed: Which images.
    """
    plain = dataclasses.replace(dataset.preprocessing, pad=0, flip=False)
    drawn = {part: dataset.sample("train", counts[part], seed) for part in counts}
    batches = dataset.batches("train", recipe["batch_size"], seed=seed + 1000)
    if not recipe["augment"]:
        batches.preprocessing = plain
    images, labels, sizes = _tuning(batches, recipe["steps"])
    return Inputs(
        **{part: (images.images, images.labels) for part, images in drawn.items()},
        tuning=(images, labels),
        tuning_sizes=sizes,
        test=(dataset.test.images, dataset.test.labels),
        preprocessing=plain,
    )


def _tuning(batches: Batches, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    images, labels = [], []
    for step in range(steps):
        batches.epoch, index = divmod(step, len(batches))
        rows, *chances = batches.draw(index)
        images.append(batches.preprocessing.change(batches.images[rows], *chances))
        labels.append(batches.labels[rows])
    sizes = np.array([len(batch) for batch in images])
    return np.concatenate(images), np.concatenate(labels), sizes


def write(path, inputs: Inputs, settings: dict[str, Any]) -> None:
    """Writes inputs and what they were drawn with, whole or not at all."""
    arrays = {"tuning_sizes": inputs.tuning_sizes}
    for part in _PARTS:
        arrays[part], arrays[f"{part}_labels"] = getattr(inputs, part)
    preprocessing = dataclasses.asdict(inputs.preprocessing)
    texts = {"preprocessing": json.dumps(preprocessing), "settings": json.dumps(settings)}
    with atomic_path(path) as temporary:
        np.savez(temporary, **arrays, **{name: np.array(text) for name, text in texts.items()})


def read(path) -> tuple[Inputs, dict[str, Any]]:
    """What `write` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        parts = {part: (arrays[part], arrays[f"{part}_labels"]) for part in _PARTS}
        sizes = arrays["tuning_sizes"]
        preprocessing = json.loads(str(arrays["preprocessing"]))
        settings = json.loads(str(arrays["settings"]))
    for name in ("mean", "std"):
        preprocessing[name] = tuple(preprocessing[name])
    inputs = Inputs(**parts, tuning_sizes=sizes, preprocessing=Preprocessing(**preprocessing))
    return inputs, settings


def stored(path, settings: dict[str, Any], make: Callable[[], Inputs]) -> Inputs:
    """Inputs from a file if it was written with these settings, and else new ones."""
    settings = json.loads(json.dumps(settings))
    if pathlib.Path(path).is_file():
        inputs, before = read(path)
        if before == settings:
            return inputs
    inputs = make()
    write(path, inputs, settings)
    return inputs
