"""Command-line flags of `tasks.cifar_gradual`."""

import dataclasses
from typing import Any

from absl import flags

from tasks import flags as shared
from tasks.gradual.settings import Gradually, GradualSettings


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines all flags.

    Args:
        values: Where to define them. Defaults to the flags of the process.
    """
    keys: dict[str, Any] = {"flag_values": values}
    shared.define(values, "out/gradual")
    values.set_default("ccm_weight", 0.0)
    flags.DEFINE_string("model", "vgg16", "vgg16, resnet56, resnet110, vgg19, …", **keys)
    flags.DEFINE_string(
        "method", "frs", "frs (feature relevance scores), or a criterion: magnitude, pca, …", **keys
    )
    flags.DEFINE_integer("prune_every", 15, "Epochs from one pruning to the next (n).", **keys)
    flags.DEFINE_integer("prune_channels", 160, "frs: channels that go each time (x).", **keys)
    flags.DEFINE_integer("prune_from", 0, "Other methods: epoch of the first pruning.", **keys)
    flags.DEFINE_integer("prune_until", 150, "Last epoch after which to prune (N1).", **keys)
    flags.DEFINE_float(
        "sparsity", 0.5, "Other methods: share of the multiply-accumulates to remove.", **keys
    )
    flags.DEFINE_float(
        "final_energy", None, "Other methods: energy to keep, instead of --sparsity.", **keys
    )
    flags.DEFINE_bool(
        "reference", False, "frs: as the published code does where it departs.", **keys
    )


def read(values: flags.FlagValues = flags.FLAGS) -> GradualSettings:
    """Settings from parsed flags.

    Args:
        values: The flags. Defaults to those of the process.

    Raises:
        ValueError: If a value makes no sense; the message names the flag.
    """
    found = shared.given(define, values)
    gradually = Gradually.from_flags(found)
    # The schedule says how far to go: the shared settings are to leave all channels.
    common = GradualSettings.from_flags(
        found["model"], values["output_dir"].value, {**found, "channels": 1.0}
    )
    return dataclasses.replace(common, gradually=gradually)
