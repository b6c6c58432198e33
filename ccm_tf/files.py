"""Writing files so that they are either whole or not there."""

import contextlib
import errno
import json
import os
import pathlib
import secrets
import tempfile
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

PathLike = str | os.PathLike[str]

# Whether this process only seems to write, see `discarding`.
_DISCARDING: list[bool] = []


def cache_folder() -> pathlib.Path:
    """Where things are kept that take time to make or to fetch.

    Returns:
        `$CCM_TF_CACHE`, else `ccm_tf` within the user's cache folder (`$XDG_CACHE_HOME`,
        `~/.cache`). It need not exist.
    """
    folder = os.environ.get("CCM_TF_CACHE")
    if folder is not None:
        return pathlib.Path(folder)
    home = os.environ.get("XDG_CACHE_HOME")
    return (pathlib.Path(home) if home else pathlib.Path.home() / ".cache") / "ccm_tf"


@contextlib.contextmanager
def discarding(on: bool = True) -> Iterator[None]:
    """Within it `atomic_path`, and all that builds on it, writes nothing.

    Of several workers that do the same, one writes; the others run the same code in here.

    Args:
        on: `False` changes nothing. Defaults to `True`.
    """
    _DISCARDING.append(on)
    try:
        yield
    finally:
        _DISCARDING.pop()


@contextlib.contextmanager
def atomic_path(path: PathLike) -> Iterator[pathlib.Path]:
    """Yields a temporary path that takes the place of `path` when the block succeeds.

    The temporary file lies in the same folder and has the same suffix, so that writers which look
    at the suffix work. It is created before the block runs: a folder that cannot be written to
    is noticed before any work is done. A block that raises leaves `path` as it was.

    Args:
        path: The file to write. Its folder must exist; a file that is there is replaced.

    Yields:
        The path to write to, an existing empty file.

    Raises:
        FileNotFoundError: If the folder does not exist.
        NotADirectoryError: If the folder is a file.
        IsADirectoryError: If `path` is a folder.
        PermissionError: If the folder cannot be written to.
        OSError: If the disk is full or read-only.

    Example:

    ```python
    with atomic_path("model.keras") as temporary:
        model.save(temporary)
    ```
    """
    path = pathlib.Path(path)
    if any(_DISCARDING):
        with tempfile.TemporaryDirectory() as folder:
            yield pathlib.Path(folder) / path.name
        return
    temporary = _create_beside(path)
    try:
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        # Any other error of the block may be about some other file than `path`.
        raise _explained(error, path, only=_FULL_DISK) from error
    finally:
        # After `os.replace` there is nothing left to remove.
        temporary.unlink(missing_ok=True)


def write_text(path: PathLike, text: str) -> None:
    """Writes a text file as UTF-8, whole or not at all.

    Args:
        path: The file to write, see `atomic_path`.
        text: Its content.

    Raises:
        OSError: If it cannot be written, see `atomic_path`.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: PathLike, value: Any) -> None:
    """Writes a JSON file, whole or not at all.

    Args:
        path: The file to write, see `atomic_path`.
        value: Dicts, lists, strings, numbers, booleans and `None`. NumPy scalars and arrays
            become numbers and lists.

    Raises:
        ValueError: If `value` holds NaN or infinity, which JSON has no word for.
        TypeError: If `value` holds something else that JSON has no word for.
        OSError: If it cannot be written, see `atomic_path`.
    """
    try:
        text = json.dumps(value, indent=1, allow_nan=False, default=_plain)
    except ValueError as error:
        raise ValueError(
            f"Cannot write '{path}' as JSON: {error}. Replace NaN and infinity by None first."
        ) from error
    write_text(path, text + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(
        f"Cannot write a value of type {type(value).__name__} as JSON. Received: {value!r}. "
        "Expected dicts, lists, strings, numbers, booleans, None or NumPy arrays of them."
    )


def _create_beside(path: pathlib.Path) -> pathlib.Path:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "Expected a file to write to, this is a folder", path)
    # The random part keeps two writers apart; the suffix stays last for writers that look at it.
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        # Plain `open`, not `mkstemp`: the file gets the permissions that any new file gets.
        temporary.open("xb").close()
    except OSError as error:
        raise _explained(error, path) from error
    return temporary


_EXPLANATIONS = {
    errno.ENOENT: "The folder does not exist; create it first",
    errno.ENOTDIR: "A part of the path is a file, not a folder",
    errno.EACCES: "The folder cannot be written to; change its permissions or take another",
    errno.EPERM: "The folder cannot be written to; change its permissions or take another",
    errno.EROFS: "The folder is on a read-only file system; take another",
    errno.ENOSPC: "The disk is full; nothing was written",
    errno.EDQUOT: "The disk quota is used up; nothing was written",
}


_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT})


def _explained(
    error: OSError, path: pathlib.Path, only: Collection[int] = _EXPLANATIONS
) -> OSError:
    """The same error with the target's name and a sentence; unchanged if it has no sentence."""
    if error.errno is None or error.errno not in only:
        return error
    sentence = _EXPLANATIONS[error.errno]
    # The constructor of OSError picks the fitting subclass by the number.
    return OSError(error.errno, sentence, str(path))


def _flush_to_disk(path: pathlib.Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
