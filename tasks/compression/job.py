"""A compression's output folder, model and images."""

import dataclasses
import functools
import os

import keras
import numpy as np

from ccm_tf.criteria import get_criterion
from ccm_tf.graph import ChannelGraph
from tasks import data
from tasks.batches import Preprocessing
from tasks.compression import network, scales
from tasks.compression.memory import images_per_pass, images_to_fold
from tasks.compression.model_file import import_modules, read_model
from tasks.compression.settings import Compression
from tasks.datasets import any_folder
from tasks.datasets.source import Images
from tasks.job import Job
from tasks.outputs import Outputs
from tasks.stages.select import given_plan

# Images on which scales are tried, and fewest that a criterion looks at.
_TRIED, _STATISTICS = 256, 640


class CompressionJob(Job):
    """A run of `tasks.compress`.

    Args:
        settings: What to compute.

    Attributes:
        settings: The same, once `prepare` has run with what depends on model and images.
    """

    settings: Compression

    @functools.cached_property
    def model(self) -> keras.Model:
        """The model as it was read, checked.

        Raises:
            ValueError: If it cannot be read or pruned; the message says how to go on.
        """
        import_modules(self.settings.imports)
        read = read_model(self.settings.model)
        return network.prepared(read, self.settings.inputs.image_size)

    def prepare(self) -> None:
        """Checks model, images and plan against each other, before any work, and says what it saw.

        Raises:
            ValueError: If something does not fit; the message says how to go on.
        """
        settings, model = self.settings, self.model
        graph = ChannelGraph(model)
        if settings.selection.plan:
            given_plan(settings.selection.plan, model)
        print(network.described(model), flush=True)
        dataset = self.dataset
        print(f"Images: {self.images_described()}", flush=True)
        criterion = get_criterion(settings.selection.criterion)
        chooses = settings.selection.plan is None
        if not dataset.labelled:
            _refuse_without_labels(settings, chooses and criterion.needs_labels)
        elif settings.finetune is not None and Outputs.of(model).independent:
            raise ValueError(
                f"Model '{model.name}' answers with a sigmoid for each of its classes, and "
                "--finetune_epochs trains classes that exclude each other. Leave it out, and "
                "fine-tune 'pruned.keras' with the loss that the model was trained with."
            )
        wanted = settings.statistics_images or max(_STATISTICS, 2 * criterion.images_needed(graph))
        if chooses:
            criterion.check_samples(graph, min(wanted, len(dataset.train)))
        size = images_per_pass(graph)
        selection = dataclasses.replace(
            settings.selection,
            batch_size=min(size, 128),
            batches=-(-wanted // min(size, 128)),
            fold_images=images_to_fold(graph.trace),
        )
        self.settings = dataclasses.replace(settings, selection=selection, images_per_pass=size)

    def images_described(self) -> str:
        """Counts of images, and the layout in which they were found."""
        dataset = self.dataset
        if not dataset.labelled:
            return f"{len(dataset.train)} without labels, so no accuracy is measured"
        held_back = f" + {len(dataset.validation)} held back" if dataset.validation else ""
        return f"{len(dataset.train)}{held_back} for training, {len(dataset.test)} for testing"

    def _load_dataset(self) -> data.Dataset:
        inputs, model = self.settings.inputs, self.model
        found = any_folder.find(inputs.data_dir, inputs.classes, inputs.labels)
        if found.labels:
            _check_outputs(model, found)
        if found.kind == "masks" and (inputs.flip or inputs.pad):
            raise ValueError(
                "--flip and --pad move images but not their masks. Leave them out for a "
                "segmentation."
            )
        shape = tuple(model.input_shape[1:])
        train, test = any_folder.read(
            found.limited(inputs.max_images, self.settings.seed),
            shape,
            lambda masks: _classes_of(masks, Outputs.of(model)),
        )
        if train.labels is None:
            test = train
        elif test is None:
            train, test = data.held_back(train, inputs.test_split, self.settings.seed)
        validation = None
        if self.settings.finetune is not None and train.labels is not None:
            train, validation = data.held_back(train, inputs.validation_split, self.settings.seed)
        name = os.path.basename(os.path.normpath(inputs.data_dir))
        classes = found.classes or tuple(map(str, range(_class_count(model, train))))
        preprocessing = self._preprocessing(train)
        return data.Dataset(name, train, validation, test, classes, preprocessing)

    def _preprocessing(self, train: Images) -> Preprocessing:
        inputs, channels = self.settings.inputs, self.model.input_shape[-1]
        pad, flip = inputs.pad, inputs.flip
        if inputs.mean:
            if len(inputs.mean) != channels:
                raise ValueError(
                    f"The model takes {channels} channel(s), so --mean and --std need as many "
                    f"numbers. Received: {len(inputs.mean)}"
                )
            return Preprocessing(inputs.mean, inputs.std, pad=pad, flip=flip)
        if self.started_with:
            noted = self.started_with
            return Preprocessing(
                tuple(noted["mean"]), tuple(noted["std"]), pad=pad, flip=flip, bgr=noted["bgr"]
            )
        name = chosen_scale(self.model, train, inputs.scale, self.settings.seed)
        return scales.preprocessing_of(name, channels, pad, flip)


def chosen_scale(model: keras.Model, train: Images, asked: str, seed: int) -> str:
    """The scale to use, and a sentence on how well it fits.

    Args:
        model: The model.
        train: Training images.
        asked: Name of a scale, or "auto".
        seed: Which images are tried.

    Raises:
        ValueError: If the model tells classes apart but numbers them otherwise.
    """
    channels = model.input_shape[-1]
    fitting = {
        name: scales.preprocessing_of(name, channels)
        for name, (mean, *_) in scales.SCALES.items()
        if len(mean) in (1, channels)
    }
    if asked != "auto":
        scales.preprocessing_of(asked, channels)
    inside = asked == "auto" and scales.scaled_inside(model)
    default = "pixels" if inside else "unit" if asked == "auto" else asked
    if train.labels is None:
        said = "the model scales pixels itself" if inside else "there are no labels to try others"
        if asked == "auto":
            print(f"Scale: {default} ({scales.SCALES[default][3]}), since {said}.", flush=True)
        return default
    rows = np.random.default_rng(seed).permutation(len(train))[:_TRIED]
    images = train.part(np.sort(rows))
    trials = scales.tried(model, images, {default: fitting[default]} if inside else fitting, 32)
    name = _best(trials, default, asked, scales.guessing(images.labels))
    return name


def _best(trials: dict[str, scales.Trial], default: str, asked: str, guessing: float) -> str:
    best = scales.best_of(trials)
    _refuse_other_order(trials)
    name = best if asked == "auto" and trials[best].accuracy > guessing else default
    share, about = trials[name].accuracy, scales.SCALES[name][3]
    others = ", ".join(
        f"{other} {trial.accuracy:.1%}" for other, trial in trials.items() if other != name
    )
    print(
        f"Scale: {name} ({about}); the dense model is right on {share:.1%} of some training images"
        f"{f' (with {others})' if others else ''}.",
        flush=True,
    )
    if trials[best].accuracy <= guessing:
        print(
            "Note: that is no better than guessing, whatever the scale. If the model is trained, "
            "images and model do not fit: check the classes' order (--classes) and how the model's "
            "inputs were made (--scale, --mean, --std).",
            flush=True,
        )
    elif trials[best].accuracy > share + 0.1:
        print(
            f"Note: --scale={name} seems at odds with the model, --scale={best} fits better.",
            flush=True,
        )
    return name


def _refuse_other_order(trials: dict[str, scales.Trial]) -> None:
    best = max(trials.values(), key=lambda trial: trial.matched or 0)
    if best.matched is not None and best.matched >= max(0.5, best.accuracy + 0.3):
        order = ", ".join(map(str, best.names))
        raise ValueError(
            f"The model is right on {best.accuracy:.1%} of some training images, and on "
            f"{best.matched:.1%} if its classes are numbered otherwise: the class folders, in the "
            f"order of their names, seem to be its outputs {order}. Pass the folders in the "
            "model's order, --classes=first,second,..."
        )


def _check_outputs(model: keras.Model, found: any_folder.Folder) -> None:
    outputs = Outputs.of(model)
    masks = found.kind == "masks"
    if masks != outputs.positions:
        wants = "a class for every pixel" if outputs.positions else "one class for each image"
        raise ValueError(
            f"Model '{model.name}' returns {wants} (shape {outputs.shape}), and the folder holds "
            f"{'masks' if masks else 'class folders'}. Pass --labels=none to use the images alone."
        )
    if masks:
        size = tuple(model.input_shape[1:3])
        if outputs.shape[:-1] != size:
            raise ValueError(
                f"Model '{model.name}' returns maps of {outputs.shape[:-1]} pixels for images of "
                f"{size}; masks are compared pixel by pixel. Pass --labels=none to use the images "
                "alone."
            )
    elif len(found.classes) != outputs.classes:
        raise ValueError(
            f"Model '{model.name}' tells {outputs.classes} classes apart, and the folder holds "
            f"{len(found.classes)}: {', '.join(found.classes[:6])}"
            f"{', …' if len(found.classes) > 6 else ''}. Pass --labels=none to use the images "
            "alone."
        )


def _classes_of(masks: np.ndarray, outputs: Outputs) -> np.ndarray:
    if outputs.classes == 2 and set(np.unique(masks)) <= {0, 255}:
        return masks // 255
    if masks.max() >= outputs.classes:
        raise ValueError(
            f"The masks hold values up to {masks.max()}, and the model tells {outputs.classes} "
            f"classes apart, 0 to {outputs.classes - 1}. Write the number of its class into every "
            "pixel, or pass --labels=none."
        )
    return masks


def _class_count(model: keras.Model, train: Images) -> int:
    return 0 if train.labels is None else Outputs.of(model).classes


def _refuse_without_labels(settings: Compression, criterion_wants: bool) -> None:
    needs = f"--criterion={settings.selection.criterion}" if criterion_wants else None
    if settings.finetune is not None:
        needs = f"--finetune_epochs={settings.finetune.epochs}"
    if needs:
        raise ValueError(
            f"{needs} needs labels, and '{settings.inputs.data_dir}' has none. Sort the images "
            "into folders named after their classes, or leave the flag out."
        )
