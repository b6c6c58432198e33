"""What a run of `tasks.imagenet_resnet50` computes, beside what all programs share."""

import dataclasses
from typing import Any

import keras
from absl import flags

from tasks import flags as shared
from tasks.imagenet import streams
from tasks.imagenet.resnet50 import resnet50
from tasks.imagenet.sources import SOURCES
from tasks.selection_settings import require
from tasks.settings import Settings

_NETWORK = "resnet50"


@dataclasses.dataclass(frozen=True)
class ImageNetSettings(Settings):
    """The settings of a run.

    Attributes:
        size: Side of the images in pixels.
        momentum: Of SGD.
        smoothing: Share of the uniform distribution in the labels.
    """

    size: int = 224
    momentum: float = 0.9
    smoothing: float = 0.1

    images_per_pass = 64

    def build_network(self, dataset) -> keras.Model:
        """See `Settings.build_network`."""
        return resnet50(len(dataset.classes), self.width, dataset.image_shape)

    def load_dataset(self):
        """See `Settings.load_dataset`."""
        return streams.load(
            self.dataset, self.data_dir or "", self.validation_split, self.seed, self.size
        )


def define(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines all flags.

    Args:
        values: Where to define them. Defaults to the flags of the process.
    """
    keys: dict[str, Any] = {"flag_values": values}
    shared.define(values, "out/imagenet")
    values["dataset"].help = (
        "image_folder (DIR/train/<class>/*.jpg, DIR/test/<class>/*.jpg), tfrecords (DIR/train-*, "
        "DIR/validation-*) or imagenet2012 (TensorFlow Datasets)."
    )
    values.set_default("dataset", "image_folder")
    values.set_default("validation_split", 0.0)
    flags.DEFINE_integer("image_size", 224, "Side of the images in pixels.", **keys)
    flags.DEFINE_float("momentum", 0.9, "Of SGD.", **keys)
    flags.DEFINE_float("label_smoothing", 0.1, "Share of the uniform distribution.", **keys)


def read(values: flags.FlagValues = flags.FLAGS) -> ImageNetSettings:
    """Settings from parsed flags.

    Args:
        values: The flags. Defaults to those of the process.

    Raises:
        ValueError: If a value makes no sense; the message names the flag.
    """
    found = shared.given(define, values)
    name = found["dataset"]
    require(name in SOURCES, "dataset", name, f"one of {', '.join(SOURCES)}")
    require(found["data_dir"] or name == "imagenet2012", "data_dir", "", "the folder of the images")
    require(found["image_size"] >= 32, "image_size", found["image_size"], "at least 32")
    require(0 <= found["momentum"] < 1, "momentum", found["momentum"], "at least 0 and below 1")
    share = found["label_smoothing"]
    require(0 <= share < 1, "label_smoothing", share, "at least 0 and below 1")
    # What the shared settings know of data sets is what fits into memory.
    common = ImageNetSettings.from_flags(
        _NETWORK, values["output_dir"].value, {**found, "dataset": "image_folder"}
    )
    return dataclasses.replace(
        common,
        dataset=name,
        size=found["image_size"],
        momentum=found["momentum"],
        smoothing=share,
        flags={**common.flags, "dataset": name},
    )
