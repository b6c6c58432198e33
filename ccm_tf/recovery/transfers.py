"""What a student learns from its teacher: one class per kind of transfer."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ccm_tf.graph import ChannelGraph
from ccm_tf.recovery.attention import attention_transfer
from ccm_tf.recovery.logits import MEASURES, logits_distillation
from ccm_tf.recovery.points import Point, matching_points


class Transfer(abc.ABC):
    """One term of a distiller's loss.

    Args:
        weight: Factor of the term, >= 0.

    Attributes:
        name: Under which the term (before its weight) is logged.
    """

    name = "transfer"

    def __init__(self, weight: float):
        if not weight >= 0:
            raise ValueError(f"Argument `weight` must be >= 0. Received: weight={weight!r}.")
        self.weight = float(weight)

    def points(self, teacher: ChannelGraph, student: ChannelGraph) -> list[Point]:
        """The feature maps that it looks at. Defaults to none."""
        return []

    @abc.abstractmethod
    def loss(self, teacher: "Seen", student: "Seen") -> Any:
        """The term before its weight, a float32 scalar."""

    def get_config(self) -> dict[str, Any]:
        return {"weight": self.weight}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Transfer":
        return cls(**config)


class Seen:
    """What one network says about a batch.

    Attributes:
        logits: Logits of each output.
        maps: Feature maps at the transfer's points.
        points: These points.
    """

    def __init__(self, logits: Sequence[Any], maps: Sequence[Any], points: Sequence[Point]):
        self.logits, self.maps, self.points = logits, maps, points


@keras.saving.register_keras_serializable(package="ccm_tf")
class LogitsTransfer(Transfer):
    """The student's outputs follow the teacher's, summed over outputs.

    Args:
        weight: Factor of the term. Defaults to 0.5.
        temperature: As for `logits_distillation`. Defaults to 4.
        measure: `"kl"` or `"mse"`. Defaults to `"kl"`.

    Raises:
        ValueError: If an argument makes no sense.
    """

    name = "kd"

    def __init__(self, weight: float = 0.5, temperature: float = 4.0, measure: str = "kl"):
        super().__init__(weight)
        if not temperature > 0:
            raise ValueError(f"Argument `temperature` must be > 0. Received: {temperature!r}.")
        if measure not in MEASURES:
            raise ValueError(f"Argument `measure` must be one of {MEASURES}. Received: {measure!r}")
        self.temperature, self.measure = float(temperature), measure

    def loss(self, teacher: Seen, student: Seen) -> Any:
        return sum(
            logits_distillation(t, s, self.temperature, self.measure)
            for t, s in zip(teacher.logits, student.logits, strict=True)
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "measure": self.measure,
        }


class _PointTransfer(Transfer):
    """A transfer at feature maps."""

    def __init__(self, weight: float, pairs: Sequence[Any] | None):
        super().__init__(weight)
        self.pairs = (
            None if pairs is None else [p if isinstance(p, str) else list(p) for p in pairs]
        )

    def points(self, teacher: ChannelGraph, student: ChannelGraph) -> list[Point]:
        return matching_points(teacher, student, self.pairs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pairs": self.pairs}


@keras.saving.register_keras_serializable(package="ccm_tf")
class AttentionTransfer(_PointTransfer):
    """The student looks where the teacher looks, summed over the ends of stages.

    Args:
        weight: Factor of the term. Defaults to 50.
        p: As for `attention_map`. Defaults to 2.
        pairs: As for `matching_points`. Defaults to `None`, the ends of stages.

    Reference:
        Zagoruyko and Komodakis, 2017, arXiv 1612.03928; in pruning: Chang, Lu, Xue, Xu and Wei,
        "AIP: Adversarial Iterative Pruning Based on Knowledge Transfer for Convolutional Neural
        Networks", 2021, arXiv 2108.13591.
    """

    name = "at"

    def __init__(self, weight: float = 50.0, p: float = 2, pairs: Sequence[Any] | None = None):
        super().__init__(weight, pairs)
        self.p = p

    def loss(self, teacher: Seen, student: Seen) -> Any:
        return sum(
            attention_transfer(t, s, self.p, point.axis)
            for t, s, point in zip(teacher.maps, student.maps, student.points, strict=True)
        )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "p": self.p}


@keras.saving.register_keras_serializable(package="ccm_tf")
class FeatureTransfer(_PointTransfer):
    """The student's feature maps equal those of the teacher's channels that were kept.

    The mean square of the difference, relative to the mean square of the teacher's map, summed
    over points. Where the plan removed channels of a map, `kept` says which of the teacher's are
    left: a `PruningPlan.kept` holds them for layers that make channels, and maps that are such a
    layer behind normalisation and activation have the same.

    Args:
        weight: Factor of the term. Defaults to 1.
        pairs: As for `matching_points`. Defaults to `None`, the ends of stages.
        kept: Name of a layer in the student to the teacher's channels that it has. Defaults to
            `None`: the maps must have the same channels.

    Raises:
        ValueError: When a distiller is made, if widths differ and `kept` does not say how.

    Reference:
        Romero et al., "FitNets: Hints for Thin Deep Nets", 2015, arXiv 1412.6550.
    """

    name = "ft"

    def __init__(
        self,
        weight: float = 1.0,
        pairs: Sequence[Any] | None = None,
        kept: Mapping[str, Sequence[int]] | None = None,
    ):
        super().__init__(weight, pairs)
        self.kept = {name: [int(c) for c in channels] for name, channels in (kept or {}).items()}

    def points(self, teacher: ChannelGraph, student: ChannelGraph) -> list[Point]:
        points = super().points(teacher, student)
        for point in points:
            have = point.student.shape[point.axis]
            given = self.kept.get(point.name)
            want = point.teacher.shape[point.axis] if given is None else len(given)
            if have != want:
                raise ValueError(
                    f"Layer '{point.name}' has {have} channels in the student and {want} in the "
                    "teacher. Say which are left with `kept={name: channels}`, choose layers that "
                    "kept all with `pairs`, or use `AttentionTransfer`, which needs no channels "
                    "in common."
                )
        return points

    def loss(self, teacher: Seen, student: Seen) -> Any:
        total = 0.0
        for t, s, point in zip(teacher.maps, student.maps, student.points, strict=True):
            target = ops.stop_gradient(ops.cast(t, "float32"))
            if point.name in self.kept:
                target = ops.take(target, np.array(self.kept[point.name]), axis=point.axis)
            scale = ops.maximum(ops.mean(ops.square(target)), 1e-12)
            total = total + ops.mean(ops.square(ops.cast(s, "float32") - target)) / scale
        return total

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kept": self.kept or None}
