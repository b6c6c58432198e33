"""Command-line flags of `tasks.compress`."""

from typing import Any

from absl import flags

from tasks.compression.scales import SCALES
from tasks.compression.settings import Compression
from tasks.flags import FREE, define_checkpoints, define_selection, define_strategy, given

# Flags that may differ between two invocations of one run.
_FREE = (*FREE, "dry_run")


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines all flags.

    Args:
        values: Where to define them. Defaults to the flags of the process.
    """
    keys: dict[str, Any] = {"flag_values": values}
    flags.DEFINE_string("model", "", "The .keras file to make smaller.", **keys)
    flags.DEFINE_list(
        "import", [], "Modules that register custom layers and functions: package.module.", **keys
    )
    flags.DEFINE_string("output_dir", "out/compress", "Folder for all that is written.", **keys)
    flags.DEFINE_bool("dry_run", False, "Stop after the plan, before anything is cut.", **keys)
    flags.DEFINE_string("plan", "", "Apply this plan.json, perhaps edited, as it is.", **keys)
    flags.DEFINE_integer("seed", 0, "Seed of everything random.", **keys)
    flags.DEFINE_list("stages", [], "Stages to run; all of them if empty.", **keys)
    flags.DEFINE_list("skip", [], "Stages to leave out, such as export.", **keys)
    flags.DEFINE_bool("debug", False, "Show the traceback of an error.", **keys)
    define_strategy(keys)
    _define_data(keys)
    _define_scale(keys)
    _define_finetuning(keys)
    define_selection(keys)
    values.set_default("fold", "least_squares")
    # Passes depend on the size of the model's feature maps, so images are counted instead.
    delattr(values, "statistics_batches")
    flags.DEFINE_integer(
        "statistics_images",
        0,
        "Training images that the criterion, and folding, see; 0: as many as the criterion wants.",
        **keys,
    )


def _define_data(keys: dict[str, Any]) -> None:
    flags.DEFINE_string(
        "data_dir",
        "",
        "Folder of images: train/<class> with test/<class>, <class>, images with masks, or images "
        "alone.",
        **keys,
    )
    flags.DEFINE_string("labels", "auto", "none takes images alone, without their labels.", **keys)
    flags.DEFINE_list(
        "classes", [], "Class folders in the order of the model's outputs; sorted if empty.", **keys
    )
    flags.DEFINE_list(
        "image_size", [], "Side in pixels, or height,width, for models that take any.", **keys
    )
    flags.DEFINE_integer(
        "max_images", 0, "Draw at most so many training and test images; 0: all.", **keys
    )
    flags.DEFINE_float(
        "test_split", 0.2, "Share of the images for testing where no folder says which.", **keys
    )
    flags.DEFINE_float(
        "validation_split", 0.1, "Share of the training images to watch fine-tuning on.", **keys
    )


def _define_scale(keys: dict[str, Any]) -> None:
    described = ", ".join(f"{name} ({about})" for name, (*_, about) in SCALES.items())
    flags.DEFINE_string(
        "scale",
        "auto",
        f"What the model takes: {described}; auto tries them on training images.",
        **keys,
    )
    flags.DEFINE_list("mean", [], "Instead: mean of each channel on the scale 0 to 1.", **keys)
    flags.DEFINE_list("std", [], "Instead: standard deviation of each channel.", **keys)


def _define_finetuning(keys: dict[str, Any]) -> None:
    flags.DEFINE_integer("finetune_epochs", 0, "Epochs of fine-tuning.", **keys)
    flags.DEFINE_integer("batch_size", 32, "Images per step of fine-tuning.", **keys)
    define_checkpoints(keys)
    flags.DEFINE_float("learning_rate", 1e-3, "Highest learning rate of Adam.", **keys)
    flags.DEFINE_bool("flip", False, "Mirror images at random while fine-tuning.", **keys)
    flags.DEFINE_integer("pad", 0, "Shift images at random by so many pixels.", **keys)
    flags.DEFINE_string("teacher", "none", "dense: learn from the dense model too.", **keys)
    flags.DEFINE_float("temperature", 3.0, "Softens the teacher's probabilities.", **keys)


def read(values: flags.FlagValues = flags.FLAGS) -> Compression:
    """Settings from parsed flags.

    Args:
        values: The flags. Defaults to those of the process.

    Raises:
        ValueError: If a value makes no sense; the message names the flag.
    """
    return Compression.from_flags(values["output_dir"].value, given(define, values, _FREE))
