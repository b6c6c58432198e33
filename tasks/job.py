"""A run's output folder: whose it is, what is in it, and what it was started with."""

import contextlib
import errno
import fcntl
import functools
import hashlib
import json
import os
import pathlib
import re
import shutil
from collections.abc import Iterator

import keras

from ccm_tf.files import write_json
from tasks import data
from tasks.settings import Settings

_FORMAT = "ccm_tf.run/1"
_RUN = "run.json"
_LOCK = ".lock"
# What an interrupted atomic write leaves behind.
_TEMPORARY = re.compile(r"^\..+\.[0-9a-f]{8}\.(json|keras|tflite|html)$")


class Job:
    """A run and the folder that it lives in.

    Looking at the folder happens here, before any work; nothing is written until `opened`.

    Args:
        settings: What to compute.

    Attributes:
        settings: The same.
        folder: The output folder.
        started_with: Content of run.json if the run was started before, else `None`.

    Raises:
        ValueError: If the folder belongs to a run with other settings, or to no run.
        OSError: If the path is not a folder that can be written to.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self.folder = pathlib.Path(settings.output_dir)
        _check_folder(self.folder)
        self.started_with = self._read()

    @functools.cached_property
    def dataset(self) -> data.Dataset:
        """The images, read at first use.

        Raises:
            ValueError: If they are not the images that the run was started with.
        """
        dataset = self._load_dataset()
        before = (self.started_with or {}).get("images")
        if before not in (None, describe(dataset)):
            raise ValueError(
                f"The images are not those that the run in '{self.folder}' was started with: "
                f"{describe(dataset)} now, {before} then. Pass the same --data_dir, or start in "
                "another --output_dir."
            )
        return dataset

    def _load_dataset(self) -> data.Dataset:
        return self.settings.load_dataset()

    def path(self, name: str) -> pathlib.Path:
        """Where a file of the run lies."""
        return self.folder / name

    def has(self, *names: str) -> bool:
        """Whether all of these files are there."""
        return all(self.path(name).is_file() for name in names)

    def read_json(self, name: str):
        """Content of a JSON file of the run."""
        return json.loads(self.path(name).read_text(encoding="utf-8"))

    @contextlib.contextmanager
    def opened(self, bytes_needed: int) -> Iterator[None]:
        """Takes possession of the folder: makes it, locks it and notes the settings in it.

        Args:
            bytes_needed: About how much the run will write.

        Raises:
            BlockingIOError: If another process works in the folder.
            OSError: If the folder cannot be written to or the disk is too full.
        """
        dataset = self.dataset
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.path(_LOCK), "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise BlockingIOError(
                    f"Another process is at work in '{self.folder}'. Wait for it, end it, or take "
                    "another --output_dir."
                ) from error
            self._remove_temporaries()
            self._check_space(bytes_needed)
            if self.started_with is None:
                write_json(self.path(_RUN), self._description(dataset))
            yield

    def _read(self) -> dict | None:
        if not self.path(_RUN).is_file():
            return None
        started_with = self.read_json(_RUN)
        before, now = started_with["flags"], self.settings.flags
        changed = sorted(
            # A flag that is younger than the run has not changed.
            name
            for name in before.keys() & now.keys()
            if before[name] != now[name]
        )
        if changed:
            pairs = ", ".join(
                f"--{name} was {before[name]} and is {now[name]} now" for name in changed
            )
            raise ValueError(
                f"'{self.folder}' holds another run: {pairs}. Pass the same flags to go on with "
                "it, or another --output_dir."
            )
        return started_with

    def _description(self, dataset: data.Dataset) -> dict:
        return {
            "format": _FORMAT,
            "flags": self.settings.flags,
            "images": describe(dataset),
            "classes": dataset.classes,
            "mean": dataset.preprocessing.mean,
            "std": dataset.preprocessing.std,
            "bgr": dataset.preprocessing.bgr,
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
        }

    def _remove_temporaries(self) -> None:
        for path in self.folder.iterdir():
            if _TEMPORARY.match(path.name):
                path.unlink(missing_ok=True)

    def _check_space(self, needed: int) -> None:
        written = sum(f.stat().st_size for f in self.folder.iterdir() if f.is_file())
        free = shutil.disk_usage(self.folder).free
        if free + written < needed:
            raise OSError(
                errno.ENOSPC,
                f"The disk is too full: {free / 1e6:.0f} MB are free and the run writes about "
                f"{needed / 1e6:.0f} MB. Make room, or take another --output_dir",
                str(self.folder),
            )


def describe(dataset: data.Dataset) -> str:
    """Counts and a hash: the same for the same images in the same order."""
    digest = hashlib.sha256()
    for part in (dataset.train, dataset.test):
        if part.labels is not None:
            digest.update(part.labels.tobytes())
        # A part of the pixels tells data sets apart and takes no time.
        digest.update(part.images[:: max(1, len(part) // 100)].tobytes())
    held_back = len(dataset.validation) if dataset.validation else 0
    if not dataset.labelled:
        return f"{len(dataset.train)} images without labels ({digest.hexdigest()[:8]})"
    return (
        f"{len(dataset.train)} + {held_back} training and {len(dataset.test)} test images of "
        f"{len(dataset.classes)} classes ({digest.hexdigest()[:8]})"
    )


def check_writable(folder: pathlib.Path) -> None:
    """Says so if an output folder can neither be written to nor made.

    Args:
        folder: What --output_dir names; it need not exist.

    Raises:
        OSError: If a part of the path is a file, or it cannot be written to.
    """
    existing = folder
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise NotADirectoryError(
            errno.ENOTDIR, "A part of --output_dir is a file; take another", str(existing)
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(
            errno.EACCES,
            "--output_dir cannot be written to; change its permissions or take another",
            str(existing),
        )


def _check_folder(folder: pathlib.Path) -> None:
    check_writable(folder)
    if not folder.exists() or (folder / _RUN).is_file():
        return
    found = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    if found:
        raise ValueError(
            f"'{folder}' holds {found[0]!r} but no {_RUN}, so it belongs to no run of this "
            "program. Take a new or an empty folder as --output_dir."
        )
