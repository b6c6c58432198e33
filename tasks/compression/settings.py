"""Everything that decides what a compression computes, checked before it starts."""

import dataclasses
import pathlib
from typing import Any

from tasks.compression.scales import SCALES
from tasks.selection_settings import Selection, require
from tasks.settings import Training

TEACHERS = ("none", "dense")
# Flags that may change between two invocations of a run: where files lie (that they are the same is
# checked), and how often checkpoints are written.
_FREE = ("data_dir", "import", "checkpoint_steps")


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the data are and how they get into the model.

    Attributes:
        data_dir: Folder of the images.
        labels: Whether labels are looked for.
        classes: Class folders in the order of the model's outputs; empty for their sorted names.
        scale: Name of a scale, or "auto".
        mean: Mean of each channel on the scale 0 … 1 instead of a named scale; empty without.
        std: Standard deviation, likewise.
        image_size: Height and width for models that take any; `None` for the model's own.
        max_images: Most training and most test images; 0 for all.
        test_split: Share of the images for testing where the folder has no test images.
        validation_split: Share of the training images held back to watch fine-tuning.
        pad: See `tasks.batches.Preprocessing`.
        flip: See `tasks.batches.Preprocessing`.
    """

    data_dir: str
    labels: bool
    classes: tuple[str, ...]
    scale: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_size: tuple[int, int] | None
    max_images: int
    test_split: float
    validation_split: float
    pad: int
    flip: bool


@dataclasses.dataclass(frozen=True)
class Compression:
    """One run, from a model on disk to the report.

    Attributes:
        model: The `.keras` file.
        imports: Modules that register custom objects.
        inputs: What the data are.
        seed: Seed of everything random.
        output_dir: Folder of everything that the run writes.
        finetune: How to train the pruned model; `None` does not.
        teacher: "none" or "dense": whom the pruned model learns from, besides the labels.
        temperature: Softens the teacher's probabilities.
        selection: How to choose channels.
        flags: The flags that all this came from and that must not change between resumptions.
        statistics_images: Training images to look at; 0 for as many as the criterion wants.
        images_per_pass: Images that pass through the model at once.
    """

    model: str
    imports: tuple[str, ...]
    inputs: Inputs
    seed: int
    output_dir: str
    finetune: Training | None
    teacher: str
    temperature: float
    selection: Selection
    flags: dict[str, Any]
    statistics_images: int = 0
    images_per_pass: int = 256

    credits = ""

    @property
    def title(self) -> str:
        """What the run is about, for the report."""
        return f"{pathlib.Path(self.model).name}, pruned"

    @property
    def story(self) -> str:
        """What was done besides pruning, for the report."""
        if self.finetune is None:
            return "Not fine-tuned"
        taught = ", taught by the dense model" if self.teacher == "dense" else ""
        epochs = self.finetune.epochs
        return f"Fine-tuned for {epochs} epoch{'s' if epochs > 1 else ''}{taught}"

    @classmethod
    def from_flags(cls, output_dir: str, flags: dict[str, Any]) -> "Compression":
        """Builds and checks settings.

        Args:
            output_dir: Folder of everything that the run writes.
            flags: Name of every other flag of `tasks.compression.flags` to its value.

        Raises:
            ValueError: If a value makes no sense; the message names the flag.
        """
        for name, example in (("model", "net.keras"), ("data_dir", "images/")):
            if not flags[name]:
                raise ValueError(f"--{name} is missing, for example --{name}={example}")
        require(flags["seed"] >= 0, "seed", flags["seed"], "at least 0")
        require(flags["teacher"] in TEACHERS, "teacher", flags["teacher"], f"one of {TEACHERS}")
        require(flags["temperature"] > 0, "temperature", flags["temperature"], "above 0")
        epochs, images = flags["finetune_epochs"], flags["statistics_images"]
        require(epochs >= 0, "finetune_epochs", epochs, "at least 0")
        require(images >= 0, "statistics_images", images, "at least 0")
        if flags["teacher"] != "none" and not epochs:
            raise ValueError(
                "--teacher=dense teaches during fine-tuning: pass --finetune_epochs too."
            )
        return cls(
            model=flags["model"],
            imports=tuple(flags["import"]),
            inputs=_inputs(flags),
            seed=flags["seed"],
            output_dir=output_dir,
            finetune=_finetune(flags) if epochs else None,
            teacher=flags["teacher"],
            temperature=flags["temperature"],
            selection=Selection.from_flags({**flags, "statistics_batches": 1}),
            flags={k: v for k, v in flags.items() if k not in _FREE},
            statistics_images=images,
        )


def _finetune(flags: dict[str, Any]) -> Training:
    training = Training(
        epochs=flags["finetune_epochs"],
        batch_size=flags["batch_size"],
        learning_rate=flags["learning_rate"],
        schedule="one_cycle",
        warmup_epochs=0,
        # The penalties that the model was saved with stay.
        l2=0.0,
        ccm_weight=0.0,
        ccm_over="mean_map",
        checkpoint_steps=flags["checkpoint_steps"],
    )
    training.check("finetune_epochs")
    return training


def _inputs(flags: dict[str, Any]) -> Inputs:
    scales = ("auto", *SCALES)
    require(flags["scale"] in scales, "scale", flags["scale"], f"one of {', '.join(scales)}")
    for name in ("test_split", "validation_split"):
        require(0 <= flags[name] < 1, name, flags[name], "at least 0 and below 1")
    require(flags["test_split"] > 0, "test_split", flags["test_split"], "above 0")
    require(flags["max_images"] >= 0, "max_images", flags["max_images"], "at least 0")
    require(flags["pad"] >= 0, "pad", flags["pad"], "at least 0")
    require(flags["labels"] in ("auto", "none"), "labels", flags["labels"], "auto or none")
    mean, std = (_numbers(name, flags[name]) for name in ("mean", "std"))
    if len(mean) != len(std) or (mean and flags["scale"] != "auto"):
        raise ValueError(
            "--mean and --std go together, one number for each channel on the scale 0 … 1, and "
            f"without --scale. Received: --mean={','.join(flags['mean'])}, "
            f"--std={','.join(flags['std'])}, --scale={flags['scale']}"
        )
    require(all(s > 0 for s in std), "std", ",".join(flags["std"]), "numbers above 0")
    return Inputs(
        data_dir=flags["data_dir"],
        labels=flags["labels"] == "auto",
        classes=tuple(flags["classes"]),
        scale=flags["scale"],
        mean=mean,
        std=std,
        image_size=_size(flags["image_size"]),
        max_images=flags["max_images"],
        test_split=flags["test_split"],
        validation_split=flags["validation_split"],
        pad=flags["pad"],
        flip=flags["flip"],
    )


def _numbers(name: str, values: list[str]) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in values)
    except ValueError as error:
        raise ValueError(
            f"--{name} must be numbers. Received: --{name}={','.join(values)}"
        ) from error


def _size(values: list[str]) -> tuple[int, int] | None:
    if not values:
        return None
    sides = [int(v) if v.isdecimal() else 0 for v in values]
    fits = len(sides) <= 2 and min(sides) > 0
    require(fits, "image_size", ",".join(values), "a side in pixels, or height,width")
    return sides[0], sides[-1]
