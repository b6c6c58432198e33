"""Feature relevance scores: what a channel says for the right class, class by class."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from ccm_tf.criteria.base import Criterion
from ccm_tf.criteria.ranking import Ranking
from ccm_tf.criteria.reduction import check_option, ranked, reduced
from ccm_tf.criteria.registry import register_criterion
from ccm_tf.criteria.streaming import seen_in_maps
from ccm_tf.lrp.passes import Place, class_numbers, classes_of, relevances
from ccm_tf.lrp.settings import Settings
from ccm_tf.statistics.accumulate import accumulated
from ccm_tf.statistics.merging import merge
from ccm_tf.statistics.objective import Objective

_SCALES = ("accuracy", "none")
_SAMPLES = ("all", "correct")
_EPSILON = 1e-9


@register_criterion("relevance")
class Relevance(Criterion):
    r"""Keeps the channels that say most for the right classes. Needs labels.

    Relevance 1 starts at the logit of every sample's label and is traced back by layer-wise
    relevance propagation (see `ccm_tf.relevance`). With $r_{nc}$ the mean over pixels of what
    arrives at channel c for sample n, the score is

    $$F_{kc} = \frac{\sigma(a_{\max} / a_k)}{N_k} \sum_{n \in k} r_{nc}, \quad
    s_c = \frac{|\operatorname{mean}_k F_{kc}|}{\lVert \operatorname{mean}_k F_k \rVert_2}$$

    where $N_k$ samples are of class k and the model gets the share $a_k$ of them right, so that
    weak classes weigh a little more. The norm over a layer's channels makes layers comparable, and
    wide ones the first to give. Classes that are absent from the data are left out. A unit seen in
    several feature maps (residual streams) has the mean of its scores.

    S. Aketi et al., "Gradual Channel Pruning while Training using Feature Relevance Scores for
    Convolutional Neural Networks" (2020, arXiv 2002.09958); there a fixed number of channels goes
    every few epochs, here `ccm_tf.schedules.EveryNEpochs`. Cost: one pass, at most two forward and
    backward passes' worth. When to use: while training, for a classifier with labels.

    Args:
        alpha: Weight of what speaks for an answer; what speaks against it has `alpha - 1`.
            Defaults to 2.
        scale: `"accuracy"` weighs classes as above, `"none"` all alike. Defaults to `"accuracy"`.
        samples: `"all"`, or `"correct"`: only those that the model gets right. Defaults to
            `"all"`.
        reference: Follow the published code where it departs from the paper: signs of
            stabilisers, averages, counts of classes. Defaults to `False`.
        batch_size: Samples per batch where the data is arrays. Defaults to 128.
        max_batches: Stop after so many batches. Defaults to `None`, all of the data.
        fold_bn: Take batch normalisation as part of the kernel before it, so that a negative scale
            turns what speaks for a channel into what speaks against it. The paper passes relevance
            through it unchanged. Defaults to `False`.

    Raises:
        ValueError: If an argument makes no sense; from `rank`, if the model is no classifier or
            labels are missing or out of range.

    Example:

    ```python
    schedule = ccm_tf.schedules.EveryNEpochs(every=15, channels=160, until=150)
    pruning = ccm_tf.callbacks.GradualPruning("relevance", schedule, (images, labels))
    ```
    """

    needs_data = True
    needs_labels = True
    cost = "one forward and two backward passes"

    def __init__(
        self,
        alpha: float = 2.0,
        scale: str = "accuracy",
        samples: str = "all",
        reference: bool = False,
        batch_size: int = 128,
        max_batches: int | None = None,
        fold_bn: bool = False,
    ):
        self.alpha = alpha
        self.scale = check_option("scale", scale, _SCALES)
        self.samples = check_option("samples", samples, _SAMPLES)
        self.reference = reference
        self.batch_size = batch_size
        self.max_batches = max_batches
        self.fold_bn = fold_bn
        self._settings()

    def check_labels(self, graph: Any, labels: Iterable[Any]) -> None:
        """See `Criterion.check_labels`; warns of classes that no label names."""
        classes = classes_of(graph.trace)
        objective = Objective(graph.trace)
        counts = np.zeros(classes, np.int64)
        for values in labels:
            counts += np.bincount(class_numbers(objective, values, classes), minlength=classes)
        warn_of_absent(counts)

    def _settings(self) -> Settings:
        return Settings(self.alpha, self.alpha - 1, self.reference, fold_bn=self.fold_bn)

    def rank(self, graph: Any, data: Any = None, verbose: int = 0) -> dict[int, Ranking]:
        """See `Criterion.rank`; `data` holds labels."""
        self.check_data(data)
        maps, groups = seen_in_maps([group for group in graph.groups if len(group.roots)])
        if not groups:
            return {}
        places = [Place(feature_map.tensor, feature_map.axis) for feature_map in maps]

        def update(sums: ClassSums, batch: Any) -> None:
            chosen = np.ones(len(batch.labels), bool)
            if self.samples == "correct":
                chosen = batch.predictions == batch.labels
            sums.update(batch, chosen)

        sums = accumulated(
            data,
            lambda part: relevances(
                graph, part, places, self._settings(), self.batch_size, self.max_batches, verbose
            ),
            lambda: ClassSums(classes_of(graph.trace), [len(m.roots) for m in maps]),
            update,
        )
        scores = sums.scores(self.scale, self.reference)
        parts = [(m.roots, s) for m, s in zip(maps, scores, strict=True)]
        return {g.index: ranked(g.roots, reduced(g.roots, parts, "mean")) for g in groups}


class ClassSums:
    """Sums of relevance by class, and how often the model is right.

    Args:
        classes: Number of classes.
        widths: Channels of each feature map.
    """

    def __init__(self, classes: int, widths: list[int]):
        self.sums = [np.zeros((classes, width)) for width in widths]
        self.used = np.zeros(classes, np.int64)
        self.seen = np.zeros(classes, np.int64)
        self.right = np.zeros(classes, np.int64)
        self.batches = 0

    def update(self, batch: Any, chosen: np.ndarray) -> None:
        """Adds one batch.

        Args:
            batch: What `ccm_tf.lrp.passes.relevances` yields.
            chosen: Which of its samples count, (B,).
        """
        self.batches += 1
        np.add.at(self.seen, batch.labels, 1)
        np.add.at(self.right, batch.labels[batch.labels == batch.predictions], 1)
        np.add.at(self.used, batch.labels[chosen], 1)
        for total, found in zip(self.sums, batch.found, strict=True):
            np.add.at(total, batch.labels[chosen], found[chosen].astype(np.float64))

    def merge(self, other: "ClassSums") -> "ClassSums":
        """Adds what another object has seen, and returns the object itself."""
        self.restore(merge(self.state(), other.state()))
        return self

    def state(self) -> dict[str, Any]:
        """What was summed so far, as numbers and arrays."""
        return dict(vars(self))

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` of another object returned."""
        vars(self).update(state)

    def scores(self, scale: str, reference: bool) -> list[np.ndarray]:
        """Score of every channel of every map.

        Raises:
            ValueError: If no sample counts, or relevance is not finite.
        """
        present = self.used > 0
        if not present.any():
            raise ValueError(
                f"No sample counts: of {self.seen.sum()} the model gets {self.right.sum()} right. "
                "Use `samples='all'`."
            )
        warn_of_absent(self.used)
        weights = np.ones(len(present))
        if scale == "accuracy":
            weights = class_scale(self.right / np.maximum(self.seen, 1))
        # The published code counts every class once more in every batch.
        counts = self.used + (self.batches if reference else 0)
        means = [
            (total[present] * (weights / counts.clip(1))[present, None]).mean(axis=0)
            for total in self.sums
        ]
        if not all(np.isfinite(mean).all() for mean in means):
            raise ValueError(
                "Relevance is not finite: the model's weights or outputs are not, either. Look at "
                "its loss."
            )
        return [unit_norm(np.abs(mean)) for mean in means]


def warn_of_absent(counts: np.ndarray) -> None:
    """Warns of classes of which there is no sample.

    Args:
        counts: Samples of each class.
    """
    absent = np.flatnonzero(counts == 0)
    if len(absent):
        shown = ", ".join(map(str, absent[:10])) + (", …" if len(absent) > 10 else "")
        warnings.warn(
            f"{len(absent)} of {len(counts)} classes are absent from the data and say nothing "
            f"about channels: {shown}.",
            stacklevel=5,
        )


def class_scale(accuracies: np.ndarray) -> np.ndarray:
    """Weight of each class: the sigmoid of the best accuracy over its own; 1 where it is 0."""
    accuracies = np.asarray(accuracies, np.float64)
    best = accuracies.max()
    ratio = np.divide(best, accuracies, out=np.full(accuracies.shape, np.inf), where=accuracies > 0)
    return 1 / (1 + np.exp(-ratio))


def unit_norm(scores: np.ndarray) -> np.ndarray:
    """Scores of one layer over their L2 norm; zeros stay zeros."""
    return scores / (np.linalg.norm(scores) + _EPSILON)
