"""How pixels become the numbers that a model was trained on."""

import dataclasses

import keras
import numpy as np

from ccm_tf.graph.trace import Trace
from tasks.batches import Batches, Preprocessing
from tasks.datasets.source import CIFAR_PREPROCESSING, Images
from tasks.outputs import Outputs

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLUE_FIRST = (103.939 / 255, 116.779 / 255, 123.68 / 255)

# Name to mean, standard deviation, whether blue comes first, and a description. One number is for
# any number of channels. The first that fits best is taken.
SCALES: dict[str, tuple[tuple[float, ...], tuple[float, ...], bool, str]] = {
    "unit": ((0.0,), (1.0,), False, "0 … 1"),
    "symmetric": ((0.5,), (0.5,), False, "-1 … 1"),
    "pixels": ((0.0,), (1 / 255,), False, "0 … 255"),
    "imagenet": (_MEAN, _STD, False, "ImageNet's mean and standard deviation"),
    "caffe": (_BLUE_FIRST, (1 / 255,) * 3, True, "0 … 255 minus ImageNet's mean, blue first"),
    "cifar10": (CIFAR_PREPROCESSING.mean, CIFAR_PREPROCESSING.std, False, "CIFAR-10's mean"),
}
# Accuracies and log losses on some images that differ by less are taken to be the same.
_NEAR, _ALIKE = 0.05, 0.1
_INSIDE = (keras.layers.Rescaling, keras.layers.Normalization)


@dataclasses.dataclass(frozen=True)
class Trial:
    """How often a model is right on some images under one scale.

    Attributes:
        accuracy: Share of the images, or pixels.
        log_loss: Mean of -log of the probability of the right class.
        matched: The same after the best renaming of classes; `None` if too few images tell.
        names: Which class of the model stands for each class of the data in that renaming.
    """

    accuracy: float
    log_loss: float
    matched: float | None
    names: tuple[int, ...]


def preprocessing_of(scale: str, channels: int, pad: int = 0, flip: bool = False) -> Preprocessing:
    """The preprocessing of a scale by name.

    Raises:
        ValueError: If it is for another number of channels.
    """
    mean, std, bgr, _ = SCALES[scale]
    if len(mean) not in (1, channels):
        raise ValueError(
            f"--scale={scale} is for images with {len(mean)} channels; the model takes {channels}."
        )
    wide = 1 if len(mean) == channels else channels
    return Preprocessing(mean * wide, std * wide, pad=pad, flip=flip, bgr=bgr)


def scaled_inside(model: keras.Model) -> bool:
    """Whether a model begins with a layer that scales pixels itself."""
    trace = Trace(model)
    return any(
        isinstance(call.op, _INSIDE) and all(t.call == -1 for t in call.inputs)
        for call in trace.calls
    )


def tried(
    model: keras.Model, images: Images, scales: dict[str, Preprocessing], batch_size: int
) -> dict[str, Trial]:
    """Tries scales on labelled images.

    Args:
        model: A classifier.
        images: Some labelled images.
        scales: Preprocessing by name.
        batch_size: Images per pass.

    Returns:
        A `Trial` for every name.
    """
    outputs = Outputs.of(model)
    trials = {}
    for name, preprocessing in scales.items():
        batches = Batches(images.images, images.labels, preprocessing, batch_size)
        found = [np.asarray(model.predict_on_batch(x)) for x, _ in batches_in(batches)]
        trials[name] = _trial(np.concatenate(found), images.labels, outputs)
    return trials


def batches_in(batches: Batches):
    """All batches, once."""
    return (batches[index] for index in range(len(batches)))


def best_of(trials: dict[str, Trial]) -> str:
    """The scale that fits best.

    Networks without biases say much the same about darker and brighter images, so among scales of
    nearly the highest accuracy those count under which the model is hardly more surprised than
    under any other, and of these the first.
    """
    highest = max(trial.accuracy for trial in trials.values())
    near = {name: t.log_loss for name, t in trials.items() if t.accuracy >= highest - _NEAR}
    least = min(near.values())
    return next(name for name, log_loss in near.items() if log_loss <= least + _ALIKE)


def _trial(values: np.ndarray, labels: np.ndarray, outputs: Outputs) -> Trial:
    decided, classes = outputs.decided(values), outputs.classes
    accuracy, log_loss = float(np.mean(decided == labels)), outputs.log_loss(values, labels)
    # With few images of each class some renaming always looks good.
    if labels.ndim > 1 or len(labels) < 10 * classes:
        return Trial(accuracy, log_loss, None, ())
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, decided), 1)
    names, hits, left = [-1] * classes, 0, table.astype(float)
    for _ in range(classes):
        row, column = np.unravel_index(np.argmax(left), left.shape)
        names[row] = int(column)
        hits += int(table[row, column])
        left[row], left[:, column] = -1, -1
    return Trial(accuracy, log_loss, hits / len(labels), tuple(names))


def guessing(labels: np.ndarray) -> float:
    """Accuracy of always naming the most frequent class, and what chance adds to it."""
    share = float(np.bincount(labels.ravel()).max() / labels.size)
    return min(1.0, share + 3 * float(np.sqrt(share * (1 - share) / len(labels))))
