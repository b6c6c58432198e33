"""Command-line flags of the programs."""

from collections.abc import Callable, Collection
from typing import Any

from absl import flags

from ccm_tf import distribute
from ccm_tf.budget import TARGETS
from tasks.settings import Settings

# Flags that may differ between two invocations of one run.
FREE = ("output_dir", "stages", "skip", "debug", "strategy", "replicas", "strategy_timeout")


def define(values: flags.FlagValues = flags.FLAGS, output_dir: str = "out/vgg16") -> None:
    """Defines all flags.

    Args:
        values: Where to define them. Defaults to the flags of the process.
        output_dir: Default of --output_dir.
    """
    keys = {"flag_values": values}
    flags.DEFINE_string(
        "output_dir", output_dir, "Folder for everything that the run writes.", **keys
    )
    flags.DEFINE_list("stages", [], "Stages to run; all of them if empty.", **keys)
    flags.DEFINE_list("skip", [], "Stages to leave out.", **keys)
    flags.DEFINE_bool("debug", False, "Show the traceback of an error.", **keys)
    define_strategy(keys)
    _define_data(keys)
    _define_training(keys)
    define_selection(keys)


def define_strategy(keys: dict[str, Any]) -> None:
    """Defines the flags that say on which devices and machines a run trains."""
    flags.DEFINE_string(
        "strategy", "none", f"Devices to train on: {', '.join(distribute.names())}.", **keys
    )
    flags.DEFINE_integer("replicas", 0, "mirrored: GPUs, or parts of the CPU; 0: all GPUs.", **keys)
    flags.DEFINE_float(
        "strategy_timeout", 600.0, "Several workers: seconds to wait for the others.", **keys
    )


def _define_data(keys: dict[str, Any]) -> None:
    flags.DEFINE_string(
        "dataset",
        "digits",
        "digits (scikit-learn's, no download), cifar10 (TensorFlow Datasets) or image_folder "
        "(DIR/train/<class>/*.jpg, DIR/test/<class>/*.jpg).",
        **keys,
    )
    flags.DEFINE_string("data_dir", "", "Folder of the images.", **keys)
    flags.DEFINE_float(
        "validation_split",
        0.1,
        "Share of the training images held back to watch the training; 0 trains on all of them.",
        **keys,
    )
    flags.DEFINE_integer("seed", 0, "Seed of everything random.", **keys)


def _define_training(keys: dict[str, Any]) -> None:
    flags.DEFINE_float("width", 1.0, "Multiplies the widths of the network.", **keys)
    flags.DEFINE_string(
        "dense_model", "", "A trained .keras model to prune, instead of training one.", **keys
    )
    flags.DEFINE_integer("epochs", 30, "Epochs of training with CCM-loss.", **keys)
    flags.DEFINE_integer("finetune_epochs", 15, "Epochs of fine-tuning, without it.", **keys)
    flags.DEFINE_integer("batch_size", 128, "Images per step.", **keys)
    flags.DEFINE_float("learning_rate", 0.05, "Highest learning rate of the training.", **keys)
    flags.DEFINE_float(
        "finetune_learning_rate", None, "Of the fine-tuning; the same if not given.", **keys
    )
    define_checkpoints(keys)
    flags.DEFINE_string("schedule", "warmup_cosine", "warmup_cosine or one_cycle.", **keys)
    flags.DEFINE_integer("warmup_epochs", 5, "Epochs of warm-up in warmup_cosine.", **keys)
    flags.DEFINE_float(
        "l2",
        2.5e-4,
        "Adds l2 * sum(w^2) of every trainable weight to the loss: half of PyTorch's weight_decay.",
        **keys,
    )
    flags.DEFINE_float(
        "ccm_weight", 0.01, "Weight of the CCM-loss of each layer; 0 only measures it.", **keys
    )
    flags.DEFINE_string(
        "ccm_over", "mean_map", "What CCM-loss correlates: mean_map or samples.", **keys
    )


def define_checkpoints(keys: dict[str, Any]) -> None:
    """Defines the flag that says how often a training can be taken up again."""
    flags.DEFINE_integer(
        "checkpoint_steps",
        0,
        "Write a checkpoint every so many steps of an epoch too; 0: only after every epoch.",
        **keys,
    )


def define_selection(keys: dict[str, Any]) -> None:
    """Defines the flags that say which channels stay: those of `tasks.selection_settings`."""
    flags.DEFINE_string("criterion", "pca", "How channels are ranked.", **keys)
    flags.DEFINE_float("energy", None, "Share of the criterion's total to keep, 0 to 1.", **keys)
    for kind in TARGETS:
        if kind != "energy":
            help_text = f"Part of the {kind} of the dense network to keep: 0 to 1, or a number."
            flags.DEFINE_float(kind, None, help_text, **keys)
    _define_latency(keys)
    flags.DEFINE_string(
        "scope",
        None,
        "Rank channels against all layers: global, relative to the mean of theirs; or not: local. "
        "If not given, as the criterion says.",
        **keys,
    )
    flags.DEFINE_list(
        "keep", [], "Layers whose channels all stay, names or patterns: conv13,stage3_*.", **keys
    )
    _define_limits(keys)
    flags.DEFINE_integer(
        "statistics_batches",
        5,
        "Batches of 128 training images that the criterion, and folding, see.",
        **keys,
    )
    flags.DEFINE_string(
        "fold",
        "none",
        "none slices; least_squares folds what the removed channels said into the next layers.",
        **keys,
    )


def _define_latency(keys: dict[str, Any]) -> None:
    flags.DEFINE_float(
        "latency", None, "Part of the dense network's latency to keep, as predicted.", **keys
    )
    flags.DEFINE_float("latency_ms", None, "Milliseconds for one image, as predicted.", **keys)
    flags.DEFINE_string(
        "latency_table", "", "Times of operators on the device that counts; here if empty.", **keys
    )
    flags.DEFINE_list(
        "quantize",
        [],
        "Export files with these numbers too: float16, dynamic, int8, int16x8.",
        **keys,
    )


def _define_limits(keys: dict[str, Any]) -> None:
    flags.DEFINE_list(
        "ratios", [], "Share of its channels that a layer loses: conv1:0.5,stage3_*:0.3.", **keys
    )
    flags.DEFINE_integer("round_to", None, "Widths become multiples of it, for example 8.", **keys)
    flags.DEFINE_integer("min_channels", 1, "Fewest channels that a layer keeps.", **keys)
    flags.DEFINE_float(
        "max_ratio", 0.95, "Largest share of its channels that a layer may lose.", **keys
    )


def read(network: str, values: flags.FlagValues = flags.FLAGS) -> Settings:
    """Settings from parsed flags.

    Args:
        network: "vgg16" or "resnet" and a depth.
        values: The flags. Defaults to those of the process.

    Raises:
        ValueError: If a value makes no sense; the message names the flag.
    """
    return Settings.from_flags(network, values["output_dir"].value, given(define, values))


def given(
    define: Callable[[flags.FlagValues], None],
    values: flags.FlagValues,
    free: Collection[str] = FREE,
) -> dict[str, Any]:
    """The flags of one program that decide what a run computes, with their values.

    Args:
        define: Defines the program's flags, in `FlagValues` that are passed.
        values: The parsed flags; they may hold those of absl and of other modules too.
        free: Flags to leave out. Defaults to those that may differ between two invocations.
    """
    probe = flags.FlagValues()
    define(probe)
    return {name: values[name].value for name in probe if name not in free}
