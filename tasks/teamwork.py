"""Several workers in one run: the chief decides and writes, the others follow."""

import contextlib
import hashlib
import io
import json
import pathlib
import time
from collections.abc import Iterator

from absl import flags

from ccm_tf import distribute
from ccm_tf.files import discarding
from tasks.chief import chief_says
from tasks.job import Job
from tasks.stages.stage import Stage

# Flags in which the machines of one run may differ.
_OWN = ("data_dir", "output_dir", "debug")
# A shared folder may show a new file a little later on other machines.
_SECONDS = 30


def start(values: flags.FlagValues) -> distribute.Strategy:
    """Starts the strategy that the flags name, before TensorFlow does anything.

    Args:
        values: Parsed flags; programs without --strategy work alone.

    Raises:
        ValueError: If the strategy cannot be had; the message says why.
        TimeoutError: If a worker does not come; the message names it.
    """
    if "strategy" not in values:
        return distribute.current()
    chosen = {k: v for k, v in values.flag_values_dict().items() if k not in _OWN}
    digest = hashlib.sha256(json.dumps(chosen, sort_keys=True, default=str).encode())
    return distribute.start(
        values.strategy,
        replicas=values.replicas,
        timeout=values.strategy_timeout,
        about=f"flags {digest.hexdigest()[:8]}",
    )


@contextlib.contextmanager
def opened(job: Job, strategy: distribute.Strategy, bytes_needed: int) -> Iterator[None]:
    """Opens a run's folder on the chief; the others look whether they see it.

    Args:
        job: The run.
        strategy: The running strategy.
        bytes_needed: About how much the run will write.

    Raises:
        ValueError: If a worker does not see the chief's folder.
        OSError: As `Job.opened`, on the chief.
    """
    with contextlib.ExitStack() as stack:
        chief_says(strategy, lambda: stack.enter_context(job.opened(bytes_needed)))
        seen = strategy.gather(b"1" if strategy.chief or _appears(job) else b"0")
        blind = [str(index) for index, answer in enumerate(seen) if answer != b"1"]
        if blind:
            raise ValueError(
                f"Worker(s) {', '.join(blind)} do not see '{job.folder}' as the chief does. "
                "--output_dir must be a folder that all machines share."
            )
        if not strategy.chief:
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        yield


def wait_for_same_files(strategy: distribute.Strategy, folder: pathlib.Path) -> None:
    """Returns when all workers see the same files in a folder.

    Args:
        strategy: The running strategy.
        folder: The folder; it need not exist.

    Raises:
        ValueError: If that takes too long.
    """
    deadline = time.monotonic() + _SECONDS
    while True:
        own = sorted((f.name, f.stat().st_size) for f in folder.glob("*") if f.is_file())
        seen = strategy.gather(hashlib.sha256(json.dumps(own).encode()).digest())
        if len(set(seen)) == 1:
            return
        # The chief's clock counts, so that nobody waits for others that have given up.
        if strategy.broadcast(b"1" if time.monotonic() > deadline else b"0") == b"1":
            raise ValueError(
                f"Not all workers see the same files in '{folder}'. --output_dir must be a folder "
                "that all machines share."
            )
        time.sleep(0.5)


def run(stage: Stage, job: Job, strategy: distribute.Strategy) -> None:
    """Runs a stage: on all workers if it trains, on the chief alone otherwise.

    Args:
        stage: The stage.
        job: The run.
        strategy: The running strategy.
    """
    if not stage.together:
        chief_says(strategy, lambda: stage.run(job))
        return
    with discarding(not strategy.chief), strategy.watching():
        stage.run(job)
    strategy.barrier()


def check_batch_sizes(job: Job, strategy: distribute.Strategy) -> None:
    """Raises a `ValueError` if the replicas cannot share the batches of a run's trainings.

    Args:
        job: The run.
        strategy: The running strategy.
    """
    for training in (getattr(job.settings, name, None) for name in ("train", "finetune")):
        if training is None:
            continue
        size = training.batch_size
        strategy.check_batch_size(size)
        batches = job.dataset.batches("train", size, job.settings.seed)
        # Replicas leave out what they cannot share, but every epoch must have all of its steps: a
        # run may go on with other replicas.
        last = len(job.dataset.train) - (len(batches) - 1) * size
        if last < strategy.replicas:
            raise ValueError(
                f"The last batch of an epoch holds {last} of {len(job.dataset.train)} images, "
                f"which {strategy.replicas} replicas cannot share. Take another --batch_size than "
                f"{size}."
            )


def _appears(job: Job) -> bool:
    deadline = time.monotonic() + _SECONDS
    while not job.has("run.json"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True
