"""What a run of `tasks.cifar_aip` computes, beside what all programs share."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ccm_tf import recovery
from ccm_tf.criteria.feature_map import FeatureMapCriterion
from tasks.selection_settings import require
from tasks.settings import Settings

METHODS = ("aip", "attention", "logits", "plain")


@dataclasses.dataclass(frozen=True)
class Rounds:
    """How channels go, and how the network recovers in between.

    Attributes:
        method: What recovery learns from: labels (`"plain"`), the teacher's logits too
            (`"logits"`), its attention too (`"attention"`), against a discriminator too (`"aip"`).
        count: Number of rounds.
        epochs: Epochs of recovery after each.
        threshold: Channels below this part of their layer's largest go.
        criterion: Arguments of the criterion.
        temperature: Of the logits.
        logits_weight: Weight of the logits; labels have 1 less it.
        attention_weight: Weight of the attention.
        adversary: Arguments of `recovery.Adversary`.
        discriminator_learning_rate: Of the discriminator.
    """

    method: str
    count: int
    epochs: int
    threshold: float
    criterion: dict[str, Any]
    temperature: float
    logits_weight: float
    attention_weight: float
    adversary: dict[str, Any]
    discriminator_learning_rate: float

    @property
    def targets(self) -> list[dict[str, float]]:
        """One target per round."""
        return self.count * [{"energy": 1.0 - self.threshold}]

    def transfers(self) -> list[recovery.Transfer]:
        """What the student learns from its teacher."""
        if self.method == "plain":
            return []
        logits = recovery.LogitsTransfer(self.logits_weight, self.temperature)
        if self.method == "logits":
            return [logits]
        return [logits, recovery.AttentionTransfer(self.attention_weight)]

    @property
    def label_weight(self) -> float:
        """Weight of the labels."""
        return 1.0 if self.method == "plain" else 1.0 - self.logits_weight

    @classmethod
    def from_flags(cls, flags: Mapping[str, Any]) -> "Rounds":
        """Builds and checks them.

        Raises:
            ValueError: If a value makes no sense; the message names the flag.
        """
        made = cls(
            method=flags["method"],
            count=flags["rounds"],
            epochs=flags["round_epochs"],
            threshold=flags["threshold"],
            criterion={name: flags[name] for name in ("measure", "thresholds", "select")},
            temperature=flags["temperature"],
            logits_weight=flags["logits_weight"],
            attention_weight=flags["attention_weight"],
            adversary={"weight": flags["adversary_weight"], "skip_below": flags["skip_below"]},
            discriminator_learning_rate=flags["discriminator_learning_rate"],
        )
        require(made.method in METHODS, "method", made.method, f"one of {METHODS}")
        require(made.count >= 1, "rounds", made.count, "at least 1")
        require(made.epochs >= 1, "round_epochs", made.epochs, "at least 1")
        share = "at least 0 and below 1"
        require(0 <= made.threshold < 1, "threshold", made.threshold, share)
        require(0 <= made.logits_weight <= 1, "logits_weight", made.logits_weight, "0 to 1")
        rate = made.discriminator_learning_rate
        require(rate > 0, "discriminator_learning_rate", rate, "above 0")
        FeatureMapCriterion(**made.criterion)
        recovery.Adversary(**made.adversary)
        made.transfers()
        return made


@dataclasses.dataclass(frozen=True)
class AdversarialSettings(Settings):
    """The settings of a run."""

    rounds: Rounds = None  # type: ignore[assignment]

    credits = (
        "CCM-loss: Wang et al., arXiv 2310.06344. Adversarial iterative pruning: Chang et al., "
        "arXiv 2108.13591."
    )
