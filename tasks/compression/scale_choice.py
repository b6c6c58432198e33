"""Which scale fits a model, and what to say if none does."""

import keras
import numpy as np

from tasks.compression import scales
from tasks.datasets.source import Images

# Images on which scales are tried.
_TRIED = 256


def chosen_scale(model: keras.Model, train: Images, asked: str, seed: int) -> str:
    """The scale to use, and a sentence on how well it fits.

    Args:
        model: The model.
        train: Training images.
        asked: Name of a scale, or "auto".
        seed: Which images are tried.

    Raises:
        ValueError: If the model tells classes apart but numbers them otherwise.
    """
    channels = model.input_shape[-1]
    fitting = {
        name: scales.preprocessing_of(name, channels)
        for name, (mean, *_) in scales.SCALES.items()
        if len(mean) in (1, channels)
    }
    if asked != "auto":
        scales.preprocessing_of(asked, channels)
    inside = asked == "auto" and scales.scaled_inside(model)
    default = "pixels" if inside else "unit" if asked == "auto" else asked
    if train.labels is None:
        said = "the model scales pixels itself" if inside else "there are no labels to try others"
        if asked == "auto":
            print(f"Scale: {default} ({scales.SCALES[default][3]}), since {said}.", flush=True)
        return default
    rows = np.random.default_rng(seed).permutation(len(train))[:_TRIED]
    images = train.part(np.sort(rows))
    trials = scales.tried(model, images, {default: fitting[default]} if inside else fitting, 32)
    name = _best(trials, default, asked, scales.guessing(images.labels))
    return name


def _best(trials: dict[str, scales.Trial], default: str, asked: str, guessing: float) -> str:
    best = scales.best_of(trials)
    _refuse_other_order(trials)
    name = best if asked == "auto" and trials[best].accuracy > guessing else default
    share, about = trials[name].accuracy, scales.SCALES[name][3]
    others = ", ".join(
        f"{other} {trial.accuracy:.1%}" for other, trial in trials.items() if other != name
    )
    print(
        f"Scale: {name} ({about}); the dense model is right on {share:.1%} of some training images"
        f"{f' (with {others})' if others else ''}.",
        flush=True,
    )
    if trials[best].accuracy <= guessing:
        print(
            "Note: that is no better than guessing, whatever the scale. If the model is trained, "
            "images and model do not fit: check the classes' order (--classes) and how the model's "
            "inputs were made (--scale, --mean, --std).",
            flush=True,
        )
    elif trials[best].accuracy > share + 0.1:
        print(
            f"Note: --scale={name} seems at odds with the model, --scale={best} fits better.",
            flush=True,
        )
    return name


def _refuse_other_order(trials: dict[str, scales.Trial]) -> None:
    best = max(trials.values(), key=lambda trial: trial.matched or 0)
    if best.matched is not None and best.matched >= max(0.5, best.accuracy + 0.3):
        order = ", ".join(map(str, best.names))
        raise ValueError(
            f"The model is right on {best.accuracy:.1%} of some training images, and on "
            f"{best.matched:.1%} if its classes are numbered otherwise: the class folders, in the "
            f"order of their names, seem to be its outputs {order}. Pass the folders in the "
            "model's order, --classes=first,second,..."
        )
