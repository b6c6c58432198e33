"""Command-line flags of `tasks.cifar_aip`."""

import dataclasses
from typing import Any

from absl import flags

from tasks import flags as shared
from tasks.adversarial.settings import AdversarialSettings, Rounds


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines all flags.

    Args:
        values: Where to define them. Defaults to the flags of the process.
    """
    keys: dict[str, Any] = {"flag_values": values}
    shared.define(values, "out/aip")
    values.set_default("ccm_weight", 0.0)
    flags.DEFINE_string("model", "vgg16", "vgg16, resnet56, resnet18, …", **keys)
    flags.DEFINE_string(
        "method", "aip", "Recovery: aip, or less of it: attention, logits, plain.", **keys
    )
    flags.DEFINE_integer("rounds", 3, "How often channels go.", **keys)
    flags.DEFINE_integer("round_epochs", 10, "Epochs of recovery after each round.", **keys)
    flags.DEFINE_float(
        "threshold", 0.1, "Channels below this part of their layer's largest go.", **keys
    )
    flags.DEFINE_string("measure", "abs_mean", "abs_mean or batch_mean_abs (published).", **keys)
    flags.DEFINE_string("thresholds", "fixed", "fixed, or relative to the layer's mean.", **keys)
    flags.DEFINE_string("select", "importance", "importance or weight_l1 (published).", **keys)
    flags.DEFINE_float("temperature", 20.0, "Of the teacher's logits.", **keys)
    flags.DEFINE_float(
        "logits_weight", 0.3, "Of the teacher's logits; labels get the rest.", **keys
    )
    flags.DEFINE_float("attention_weight", 50.0, "Of the teacher's attention.", **keys)
    flags.DEFINE_float("adversary_weight", 1.0, "Of the game against the discriminator.", **keys)
    flags.DEFINE_float("skip_below", 0.0, "The discriminator rests below this loss.", **keys)
    flags.DEFINE_float("discriminator_learning_rate", 5e-4, "Of its Adam.", **keys)


def read(values: flags.FlagValues = flags.FLAGS) -> AdversarialSettings:
    """Settings from parsed flags.

    Args:
        values: The flags. Defaults to those of the process.

    Raises:
        ValueError: If a value makes no sense; the message names the flag.
    """
    found = shared.given(define, values)
    rounds = Rounds.from_flags(found)
    # The rounds say how far to go: the shared settings are to leave all channels.
    common = AdversarialSettings.from_flags(
        found["model"], values["output_dir"].value, {**found, "channels": 1.0}
    )
    dataclasses.replace(common.finetune, epochs=rounds.epochs).check("round_epochs")
    return dataclasses.replace(common, rounds=rounds)
