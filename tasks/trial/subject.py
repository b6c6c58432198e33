"""What a page is about: the files of a finished run, or files that are named."""

import dataclasses
import pathlib
from collections.abc import Sequence

from ccm_tf.files import PathLike
from tasks.report.finished import read_report
from tasks.trial import classifier, samples
from tasks.trial.classifier import Classifier
from tasks.trial.samples import Samples

# As many as there are colours to tell them apart.
_MOST = 6


@dataclasses.dataclass(frozen=True)
class Choice:
    """Which images, and what files do not say.

    Attributes:
        images: Folder of images; empty for the data set of a run.
        data_dir: Where the data set of a run lies, if that has to be said.
        count: Most images.
        scale: Name of a scale for files that do not say how pixels become inputs.
    """

    images: str = ""
    data_dir: str = ""
    count: int = 36
    scale: str = ""


@dataclasses.dataclass(frozen=True)
class Subject:
    """Files that do the same, and images to try them on.

    Attributes:
        title: Heading of the page.
        models: The dense file first.
        samples: The images.
    """

    title: str
    models: tuple[Classifier, ...]
    samples: Samples


def of_run(folder: PathLike, choice: Choice) -> Subject:
    """The files and images of a finished run.

    Args:
        folder: Its output folder.
        choice: Which images.

    Raises:
        ValueError: If there is no finished run, it left no LiteRT files, or files and images do
            not fit each other.
        FileNotFoundError: If the images are missing.
    """
    report, place = read_report(folder), pathlib.Path(folder)
    names = ["dense.tflite", "model.tflite"]
    missing = next((name for name in names if not (place / name).is_file()), None)
    if missing is not None:
        raise ValueError(
            f"The run in '{folder}' left no {missing}: LiteRT files need Keras on TensorFlow, and "
            "not every program writes them. Export the models with ccm_tf.export_tflite, and pass "
            "--dense=FILE --slim=FILE --images=DIR."
        )
    names += sorted(path.name for path in place.glob("model_*.tflite"))
    models = tuple(classifier.read(place / n, _title(n), choice.scale) for n in names[:_MOST])
    check_alike(models)
    flags, classes = report["run"]["flags"], report["run"]["classes"]
    folder_of_images = choice.images or ("" if "dataset" in flags else choice.data_dir)
    if folder_of_images:
        known = classes if len(classes) == models[0].classes else ()
        found = samples.of_folder(folder_of_images, models[0], known, choice.count)
    elif "dataset" in flags:
        found = samples.of_dataset(flags, models[0], choice.data_dir, choice.count)
    else:
        raise ValueError(
            f"The run in '{folder}' does not say where its images lie. Pass --images=DIR."
        )
    return Subject(report["title"], models, found)


def of_files(dense: str, slim: Sequence[str], choice: Choice) -> Subject:
    """Files that are named.

    Args:
        dense: A `.tflite` file.
        slim: One or more others to try against it.
        choice: Which images.

    Raises:
        ValueError: If something is missing, or files and images do not fit each other.
        FileNotFoundError: If a file or the folder of images is missing.
    """
    if not (dense and slim and choice.images):
        raise ValueError(
            "Name the output folder of a finished run, or pass all of --dense=FILE --slim=FILE "
            "--images=DIR."
        )
    if len(slim) >= _MOST:
        raise ValueError(f"At most {_MOST - 1} files fit beside the dense one, not {len(slim)}.")
    models = tuple(classifier.read(path, scale=choice.scale) for path in (dense, *slim))
    check_alike(models)
    labels = next((model.labels for model in models if model.labels), ())
    found = samples.of_folder(choice.images, models[0], labels, choice.count)
    title = f"{models[0].title} against {', '.join(model.title for model in models[1:])}"
    return Subject(title, models, found)


def check_alike(models: Sequence[Classifier]) -> None:
    """Raises a `ValueError` unless all files take the same images and know the same classes."""
    first = models[0]
    for other in models[1:]:
        for what, ours, theirs in (
            ("images", first.shape, other.shape),
            ("numbers of outputs", first.outputs, other.outputs),
            ("labels", first.labels or other.labels, other.labels or first.labels),
        ):
            if ours != theirs:
                raise ValueError(
                    f"'{first.path}' and '{other.path}' have different {what}: {ours} and "
                    f"{theirs}. Name files that do the same."
                )


def _title(name: str) -> str:
    """`model_int8.tflite` is what people would call slim, int8."""
    stem = name.removesuffix(".tflite")
    return ", ".join(stem.replace("model", "slim", 1).split("_", 1))
