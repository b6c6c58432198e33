"""The discriminator: it tells a student's logits from its teacher's."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@dataclasses.dataclass(frozen=True)
class Adversary:
    """How the game between student and discriminator is played.

    Attributes:
        weight: Factor of the student's term in its loss. Defaults to 1.
        units: Widths of the discriminator's hidden layers. Defaults to (128, 256, 128).
        slope: Negative slope of its leaky ReLUs. Defaults to 0.2.
        output: Which of the models' outputs the game is about. Defaults to 0, the first.
        skip_below: The discriminator rests where its loss is below this. Defaults to 0, never.
    """

    weight: float = 1.0
    units: tuple[int, ...] = (128, 256, 128)
    slope: float = 0.2
    output: int = 0
    skip_below: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "units", tuple(int(u) for u in self.units))
        if not self.weight >= 0 or not self.skip_below >= 0:
            raise ValueError(
                "An adversary's `weight` and `skip_below` must be >= 0. Received: "
                f"weight={self.weight!r}, skip_below={self.skip_below!r}."
            )


def build_discriminator(shape: Sequence[int | None], adversary: Adversary) -> keras.Sequential:
    """A shallow fully connected network from logits to one logit: teacher against student.

    Args:
        shape: Shape of one sample's logits; the last axis holds them, others are positions.
        adversary: Its widths and slope.

    Returns:
        A model (..., classes) -> (..., 1).
    """
    layers: list[Any] = [keras.Input(tuple(shape), name="logits")]
    for number, units in enumerate(adversary.units, 1):
        layers.append(keras.layers.Dense(units, name=f"hidden{number}"))
        layers.append(keras.layers.LeakyReLU(adversary.slope, name=f"leaky{number}"))
    layers.append(keras.layers.Dense(1, name="verdict"))
    return keras.Sequential(layers, name="discriminator")


def cross_entropy(verdicts: Any, teacher: bool) -> Any:
    """Mean binary cross-entropy of verdicts (logits) when all are the teacher's, or none."""
    verdicts = ops.cast(verdicts, "float32")
    return ops.mean(ops.softplus(-verdicts if teacher else verdicts))


def discriminator_loss(on_teacher: Any, on_student: Any) -> Any:
    """The discriminator's loss: both cross-entropies, 2 ln 2 at chance."""
    return cross_entropy(on_teacher, True) + cross_entropy(on_student, False)


def discriminator_accuracy(on_teacher: Any, on_student: Any) -> Any:
    """Share of right verdicts."""
    right = ops.mean(ops.cast(on_teacher > 0, "float32"))
    return 0.5 * (right + ops.mean(ops.cast(on_student <= 0, "float32")))
