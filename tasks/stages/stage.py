"""What a stage is."""

import dataclasses
from collections.abc import Callable

from tasks.job import Job


@dataclasses.dataclass(frozen=True)
class Stage:
    """One step of a run: it reads files of the output folder and writes others.

    Attributes:
        name: What --stages and --skip call it.
        title: What it does, for the log.
        run: Does it.
        makes: Files that it writes.
        needs: Files that it must have.
        uses: Files that it reads if they are there.
        show: Prints its result again when there is nothing left to do.
        together: Whether all workers run it; otherwise the chief does, and the others wait.
    """

    name: str
    title: str
    run: Callable[[Job], None]
    makes: tuple[str, ...]
    needs: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    show: Callable[[Job], None] = lambda job: None
    together: bool = False

    def done(self, job: Job) -> bool:
        """Whether everything it makes is there and not older than what it was made from."""
        if not job.has(*self.makes):
            return False
        made = min(_age(job, name) for name in self.makes)
        inputs = [name for name in (*self.needs, *self.uses) if job.has(name)]
        return all(_age(job, name) <= made for name in inputs)


def _age(job: Job, name: str) -> int:
    return job.path(name).stat().st_mtime_ns
