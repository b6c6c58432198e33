"""Command-line flags of `tasks.cifar_eigendamage`."""

import dataclasses
from typing import Any

from absl import flags

from tasks import flags as shared
from tasks.eigendamage.settings import EigenSettings, Rounds


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines all flags.

    Args:
        values: Where to define them. Defaults to the flags of the process.
    """
    keys: dict[str, Any] = {"flag_values": values}
    shared.define(values, "out/eigendamage")
    values.set_default("ccm_weight", 0.0)
    flags.DEFINE_string(
        "model", "vgg19", "vgg19, resnet32_wide, preresnet29, vgg16, resnet56, …", **keys
    )
    flags.DEFINE_string(
        "method",
        "eigendamage",
        "eigendamage, or a criterion that removes channels: obd, obs, kron_obd, kron_obs, …",
        **keys,
    )
    flags.DEFINE_string(
        "protocol",
        "one_pass",
        "one_pass: every ratio from the dense network; iterative: one round after the other.",
        **keys,
    )
    flags.DEFINE_list("ratio", ["0.5"], "Shares to drop, one per round: 0.4,0.5,0.6.", **keys)
    flags.DEFINE_bool("rescale", False, "Rescale eigenvalues with a second pass (EKFAC).", **keys)
    flags.DEFINE_string("separable", "none", "frobenius or fisher: depthwise cores.", **keys)
    flags.DEFINE_bool("trainable_rotations", True, "Whether rotations learn.", **keys)
    if "max_ratio" not in values:
        flags.DEFINE_float("max_ratio", 0.95, "Largest share that a side loses.", **keys)


def read(values: flags.FlagValues = flags.FLAGS) -> EigenSettings:
    """Settings from parsed flags.

    Args:
        values: The flags. Defaults to those of the process.

    Raises:
        ValueError: If a value makes no sense; the message names the flag.
    """
    found = shared.given(define, values)
    rounds = Rounds.from_flags(found)
    # The rounds say how far to go: the shared settings are to leave all channels.
    common = EigenSettings.from_flags(
        found["model"], values["output_dir"].value, {**found, "channels": 1.0}
    )
    return dataclasses.replace(common, rounds=rounds)
