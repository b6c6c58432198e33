"""Everything that decides what a run computes, checked before it starts."""

import dataclasses
from typing import Any

import keras

from tasks import data
from tasks.data import DATASETS
from tasks.learning_rates import SCHEDULES, make_schedule
from tasks.models import build
from tasks.selection_settings import Selection, require

CCM_OVER = ("mean_map", "samples")
# Flags that mean the same in training and in fine-tuning.
_COMMON = ("batch_size", "schedule", "warmup_epochs", "l2", "checkpoint_steps")
# Flags that may change between two invocations of a run: nothing that it computes depends on them
# (that the images are the same ones is checked).
_FREE = ("data_dir", "checkpoint_steps")


@dataclasses.dataclass(frozen=True)
class Training:
    """How to train one network.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images per step.
        learning_rate: Highest learning rate.
        schedule: "warmup_cosine" or "one_cycle".
        warmup_epochs: Epochs of warm-up in "warmup_cosine".
        l2: Penalty on every trainable weight: half of what PyTorch calls weight decay.
        ccm_weight: Weight of the CCM-loss of each layer; 0 only measures redundancy.
        ccm_over: What CCM-loss correlates: "mean_map" or "samples".
        checkpoint_steps: Steps from one checkpoint to the next within an epoch; 0 writes them at
            the ends of epochs alone. It changes nothing else.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: str
    warmup_epochs: int
    l2: float
    ccm_weight: float
    ccm_over: str
    checkpoint_steps: int = 0

    def check(self, flag: str) -> None:
        """Raises a `ValueError` that names the flag if a number makes no sense.

        Args:
            flag: Name of the flag that sets the epochs.
        """
        for name, value in ((flag, self.epochs), ("batch_size", self.batch_size)):
            require(value >= 1, name, value, "at least 1")
        require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        require(self.l2 >= 0, "l2", self.l2, "at least 0")
        require(self.warmup_epochs >= 0, "warmup_epochs", self.warmup_epochs, "at least 0")
        require(self.schedule in SCHEDULES, "schedule", self.schedule, f"one of {SCHEDULES}")
        if self.schedule == "warmup_cosine" and self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"--warmup_epochs must be less than --{flag}. Received: --warmup_epochs="
                f"{self.warmup_epochs}, --{flag}={self.epochs}. Short runs do well with "
                "--schedule=one_cycle."
            )
        require(self.ccm_weight >= 0, "ccm_weight", self.ccm_weight, "at least 0")
        steps = self.checkpoint_steps
        require(steps >= 0, "checkpoint_steps", steps, "at least 0")
        require(self.ccm_over in CCM_OVER, "ccm_over", self.ccm_over, f"one of {CCM_OVER}")

    def make_schedule(self, steps_per_epoch: int):
        """The learning-rate schedule over all epochs."""
        return make_schedule(
            self.schedule, self.learning_rate, steps_per_epoch, self.epochs, self.warmup_epochs
        )


@dataclasses.dataclass(frozen=True)
class Settings:
    """One run, from the data to the report.

    Attributes:
        network: "vgg16" or "resnet" and a depth, such as "resnet56".
        width: Multiplies the widths of the network.
        dense_model: A `.keras` file that is taken instead of training; `None` trains.
        dataset: Name of the data set.
        data_dir: Folder of the data set, if it has one.
        validation_split: Share of the training images held back.
        seed: Seed of everything random.
        output_dir: Folder of everything that the run writes.
        train: How to train the dense network.
        finetune: How to train the pruned network.
        selection: How to choose channels.
        flags: The flags that all this came from and that must not change between resumptions.
    """

    network: str
    width: float
    dense_model: str | None
    dataset: str
    data_dir: str | None
    validation_split: float
    seed: int
    output_dir: str
    train: Training
    finetune: Training
    selection: Selection
    flags: dict[str, Any]

    # Images that pass through a network at once; the images of these programs are small.
    images_per_pass = 256
    credits = "CCM-loss: Wang et al., arXiv 2310.06344."

    @property
    def title(self) -> str:
        """What the run is about, for the report."""
        network = self.network.replace("vgg", "VGG-").replace("resnet", "ResNet-")
        return f"{network} on {self.dataset}, pruned"

    @property
    def story(self) -> str:
        """How the dense network came about, for the report."""
        return (
            f"Width {self.width}. Trained with CCM-loss over {self.train.ccm_over} at weight "
            f"{self.train.ccm_weight}"
        )

    def build_network(self, dataset: data.Dataset) -> keras.Model:
        """The network before training, with the outputs and the inputs that a data set needs."""
        return build(self.network, len(dataset.classes), self.width, dataset.image_shape)

    def load_dataset(self) -> data.Dataset:
        """Reads the images.

        Raises:
            ValueError: If they are not as expected.
            FileNotFoundError: If the folder is missing.
        """
        return data.load(self.dataset, self.data_dir, self.validation_split, self.seed)

    @classmethod
    def from_flags(cls, network: str, output_dir: str, flags: dict[str, Any]) -> "Settings":
        """Builds and checks settings.

        Args:
            network: "vgg16", "resnet56", …
            output_dir: Folder of everything that the run writes.
            flags: Name of every other flag of `tasks.flags` to its value.

        Raises:
            ValueError: If a value makes no sense; the message names the flag.
        """
        common = {name: flags[name] for name in _COMMON}
        train = Training(
            epochs=flags["epochs"],
            learning_rate=flags["learning_rate"],
            ccm_weight=flags["ccm_weight"],
            ccm_over=flags["ccm_over"],
            **common,
        )
        finetune = Training(
            epochs=flags["finetune_epochs"],
            learning_rate=flags["finetune_learning_rate"] or flags["learning_rate"],
            ccm_weight=0.0,
            ccm_over=flags["ccm_over"],
            **common,
        )
        train.check("epochs")
        finetune.check("finetune_epochs")
        require(flags["dataset"] in DATASETS, "dataset", flags["dataset"], f"one of {_names()}")
        require(flags["width"] > 0, "width", flags["width"], "above 0")
        require(flags["seed"] >= 0, "seed", flags["seed"], "at least 0")
        share = flags["validation_split"]
        require(0 <= share < 1, "validation_split", share, "at least 0 and below 1")
        return cls(
            network=network,
            width=flags["width"],
            dense_model=flags["dense_model"] or None,
            dataset=flags["dataset"],
            data_dir=flags["data_dir"] or None,
            validation_split=share,
            seed=flags["seed"],
            output_dir=output_dir,
            train=train,
            finetune=finetune,
            selection=Selection.from_flags(flags),
            flags={"network": network, **{k: v for k, v in flags.items() if k not in _FREE}},
        )


def _names() -> str:
    return ", ".join(sorted(DATASETS))
