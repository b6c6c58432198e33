"""Everything that decides what a run computes, checked before it starts."""

import dataclasses
from typing import Any

from ccm_tf.budget import TARGETS, Budget
from ccm_tf.criteria import get_criterion
from ccm_tf.fold import FOLDS
from tasks.data import DATASETS
from tasks.learning_rates import SCHEDULES, make_schedule

CCM_OVER = ("mean_map", "samples")


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
    """

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: str
    warmup_epochs: int
    l2: float
    ccm_weight: float
    ccm_over: str

    def check(self, flag: str) -> None:
        """Raises a `ValueError` that names the flag if a number makes no sense.

        Args:
            flag: Name of the flag that sets the epochs.
        """
        for name, value in ((flag, self.epochs), ("batch_size", self.batch_size)):
            _require(value >= 1, name, value, "at least 1")
        _require(self.learning_rate > 0, "learning_rate", self.learning_rate, "above 0")
        _require(self.l2 >= 0, "l2", self.l2, "at least 0")
        _require(self.warmup_epochs >= 0, "warmup_epochs", self.warmup_epochs, "at least 0")
        _require(self.schedule in SCHEDULES, "schedule", self.schedule, f"one of {SCHEDULES}")
        if self.schedule == "warmup_cosine" and self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"--warmup_epochs must be less than --{flag}. Received: --warmup_epochs="
                f"{self.warmup_epochs}, --{flag}={self.epochs}. Short runs do well with "
                "--schedule=one_cycle."
            )
        _require(self.ccm_weight >= 0, "ccm_weight", self.ccm_weight, "at least 0")
        _require(self.ccm_over in CCM_OVER, "ccm_over", self.ccm_over, f"one of {CCM_OVER}")

    def make_schedule(self, steps_per_epoch: int):
        """The learning-rate schedule over all epochs."""
        return make_schedule(
            self.schedule, self.learning_rate, steps_per_epoch, self.epochs, self.warmup_epochs
        )


@dataclasses.dataclass(frozen=True)
class Selection:
    """How to choose the channels that stay.

    Attributes:
        criterion: Name of a criterion of `ccm_tf.plan`.
        budget: How far to go.
        scope: "global" or "local".
        keep: Layers whose channels all stay, names or patterns.
        batches: Batches of training images to look at.
        batch_size: Images in each.
        fold: `None` or "least_squares": what becomes of what the removed channels said.
    """

    criterion: str
    budget: Budget
    scope: str
    keep: tuple[str, ...]
    batches: int
    batch_size: int
    fold: str | None = None


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
        common = {name: flags[name] for name in ("batch_size", "schedule", "warmup_epochs", "l2")}
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
        _require(flags["dataset"] in DATASETS, "dataset", flags["dataset"], f"one of {_names()}")
        _require(flags["width"] > 0, "width", flags["width"], "above 0")
        _require(flags["seed"] >= 0, "seed", flags["seed"], "at least 0")
        share = flags["validation_split"]
        _require(0 <= share < 1, "validation_split", share, "at least 0 and below 1")
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
            selection=_selection(flags),
            # Where the images lie may change; that they are the same ones is checked.
            flags={"network": network, **{k: v for k, v in flags.items() if k != "data_dir"}},
        )


def _selection(flags: dict[str, Any]) -> Selection:
    get_criterion(flags["criterion"])
    scope, batches = flags["scope"], flags["statistics_batches"]
    _require(scope in ("global", "local"), "scope", scope, "'global' or 'local'")
    _require(batches >= 1, "statistics_batches", batches, "at least 1")
    folds = ("none", *FOLDS)
    _require(flags["fold"] in folds, "fold", flags["fold"], f"one of {folds}")
    targets = {kind: _number(kind, flags[kind]) for kind in TARGETS}
    if all(value is None for value in targets.values()):
        raise ValueError(
            f"Nothing says how far to prune. Pass one of {', '.join(f'--{t}' for t in TARGETS)}, "
            "for example --macs=0.3 to leave at most 30 % of the multiply-accumulates."
        )
    return Selection(
        criterion=flags["criterion"],
        budget=Budget.of(**targets),
        scope=scope,
        keep=tuple(flags["keep"]),
        batches=batches,
        batch_size=128,
        fold=None if flags["fold"] == "none" else flags["fold"],
    )


def _number(kind: str, value: float | None) -> float | int | None:
    """Above 1 a target is a number of channels, weights or multiply-accumulates."""
    if value is None or kind == "energy" or value <= 1 or value != int(value):
        return value
    return int(value)


def _names() -> str:
    return ", ".join(sorted(DATASETS))


def _require(fits: bool, flag: str, value: Any, expected: str) -> None:
    if not fits:
        raise ValueError(f"--{flag} must be {expected}. Received: --{flag}={value}")
