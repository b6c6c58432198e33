"""One run at a time in a work folder."""

import contextlib
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def only_one(work_dir) -> Iterator[None]:
    """Holds the work folder, so that two processes do not train side by side.

    Raises:
        RuntimeError: If another process holds it.
    """
    import fcntl

    folder = pathlib.Path(work_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeError(
                f"Another run works in '{folder}'. Wait for it, stop it, or take another folder."
            ) from error
        yield
