"""The folder of a page that runs LiteRT files in a browser."""

import pathlib
import shutil
from typing import Any

from ccm_tf.files import PathLike, atomic_path, write_json, write_text
from ccm_tf.reporting import numbers
from tasks.job import check_writable
from tasks.trial.classifier import Classifier, for_one_image
from tasks.trial.page import page
from tasks.trial.runtime import Runtime
from tasks.trial.subject import Subject

FORMAT = "ccm_tf.trial/1"
_SCRIPTS = ("app.js", "models.js", "pixels.js", "timing.js", "view.js")
_MARK = "site.json"


def check_folder(folder: PathLike) -> None:
    """Raises unless a folder is new, empty, or holds such a page.

    Args:
        folder: Where a site is to be written.

    Raises:
        ValueError: If it holds something else.
        OSError: If it cannot be written to.
    """
    place = pathlib.Path(folder)
    check_writable(place)
    if place.is_dir() and not (place / _MARK).is_file() and any(place.iterdir()):
        raise ValueError(
            f"'{folder}' holds something else than such a page. Take a new or an empty folder as "
            "--output_dir."
        )


def write_site(subject: Subject, runtime: Runtime, folder: PathLike) -> pathlib.Path:
    """Writes everything that a browser needs; any web server can serve it.

    Args:
        subject: Files and images.
        runtime: LiteRT for browsers, which is copied.
        folder: Where to write; made if it is not there.

    Returns:
        The page.

    Raises:
        ValueError: If the folder holds something else.
        OSError: If it cannot be written to.
    """
    check_folder(folder)
    place = pathlib.Path(folder)
    values = site_values(subject, runtime)
    for below in ("images", "models", "litert/wasm"):
        (place / below).mkdir(parents=True, exist_ok=True)
    write_json(place / _MARK, values)
    copies = {name: pathlib.Path(__file__).with_name(name) for name in _SCRIPTS}
    copies |= runtime.files
    for name, source in copies.items():
        with atomic_path(place / name) as temporary:
            shutil.copyfile(source, temporary)
    for about, model in zip(values["models"], subject.models, strict=True):
        with atomic_path(place / about["file"]) as temporary:
            temporary.write_bytes(for_one_image(model.path))
    for about, pixels in zip(values["images"], subject.samples.images.images, strict=True):
        _write_png(place / about["file"], pixels)
    write_text(place / "index.html", page(values))
    return place / "index.html"


def site_values(subject: Subject, runtime: Runtime) -> dict[str, Any]:
    """What the page's scripts read.

    Args:
        subject: Files and images.
        runtime: LiteRT for browsers.
    """
    labels = subject.samples.images.labels
    return {
        "format": FORMAT,
        "title": subject.title,
        "runtime": {"version": runtime.version, "modules": runtime.modules},
        "shape": list(subject.models[0].shape),
        "classes": list(subject.samples.classes),
        "labelled": labels is not None,
        "models": [_model(number, m) for number, m in enumerate(subject.models)],
        "images": [
            {
                "file": f"images/{number}.png",
                "label": None if labels is None else int(labels[number]),
            }
            for number in range(len(subject.samples.images))
        ],
    }


def _model(number: int, model: Classifier) -> dict[str, Any]:
    size = model.path.stat().st_size
    return {
        "title": model.title,
        # A browser may have kept the file of an earlier page of the same name.
        "file": f"models/{number}_{model.path.name}",
        "bytes": size,
        "size": numbers.size(size),
        "quantize": model.quantize or "float32",
        "ending": model.ending,
        "multiply": list(model.multiply),
        "add": list(model.add),
        "bgr": model.bgr,
    }


def _write_png(path: pathlib.Path, pixels) -> None:
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    with atomic_path(path) as temporary:
        image.save(temporary)
