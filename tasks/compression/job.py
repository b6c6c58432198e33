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
from tasks.compression.scale_choice import chosen_scale
from tasks.compression.settings import Compression
from tasks.datasets import any_folder
from tasks.datasets.source import Images
from tasks.job import Job
from tasks.outputs import Outputs
from tasks.stages.select import given_plan

# Fewest images that a criterion looks at.
_STATISTICS = 640


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
