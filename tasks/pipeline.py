"""Runs the stages that are still to do."""

import functools
import logging
import sys
import time
import traceback
from collections.abc import Callable, Sequence

from absl import flags

from ccm_tf import distribute
from tasks import flags as task_flags
from tasks import teamwork
from tasks.chief import chief_says
from tasks.job import Job
from tasks.preemption import PREEMPTION, STATUS, Preempted
from tasks.settings import Settings
from tasks.stages import STAGES, Stage

# What bad input, a bad disk or a diverged training raise: a sentence says more than a traceback.
EXPECTED = (ValueError, OSError, FloatingPointError, ImportError, RuntimeError)


def run(
    settings: Settings,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    stages: Sequence[Stage] = STAGES,
    networks: int = 1,
) -> None:
    """Takes a network from nothing to a report, or goes on where an earlier process stopped.

    A stage whose files are there, and newer than what they were made from, is not run again.

    Args:
        settings: What to compute.
        only: Names of stages to run. Defaults to all of them.
        skip: Names of stages to leave out.
        stages: What there is to choose from. Defaults to those of the programs that train, prune
            once and fine-tune.
        networks: How many times the files of such a program the stages leave, for an estimate of
            the space. Defaults to 1.

    Raises:
        ValueError: If a stage is unknown, or lacks a file that only another stage makes.
    """
    left = chosen(only, skip, stages)
    job = Job(settings)
    check_inputs(job, left)
    network = settings.build_network(job.dataset)
    work(job, left, network.count_params() * networks)


def work(job: Job, stages: Sequence[Stage], params: int) -> None:
    """Runs those of some stages that are not done, in the output folder of a run.

    Args:
        job: The run.
        stages: The stages, in order.
        params: Weights of the dense network, for an estimate of the space that it takes.
    """
    strategy = distribute.current()
    teamwork.check_batch_sizes(job, strategy)
    # Checkpoints with momentum, before and after replacing, six models, and the report.
    with teamwork.opened(job, strategy, bytes_needed=12 * 4 * params + 2_000_000):
        for number, stage in enumerate(stages, start=1):
            head = f"[{number}/{len(stages)}] {stage.name}: "
            if chief_says(strategy, functools.partial(stage.done, job)):
                print(f"{head}done already ({', '.join(stage.makes)})", flush=True)
                if strategy.chief:
                    stage.show(job)
                continue
            print(f"{head}{stage.title}", flush=True)
            start = time.perf_counter()
            teamwork.run(stage, job, strategy)
            print(f"{'':6}{stage.name} took {time.perf_counter() - start:.1f} s", flush=True)


def chosen(
    only: Sequence[str], skip: Sequence[str], stages: Sequence[Stage] = STAGES
) -> list[Stage]:
    """The stages to run, in their own order.

    Args:
        only: Names of stages to run; all of them if empty.
        skip: Names of stages to leave out.
        stages: What there is to choose from. Defaults to those of the programs that train.

    Raises:
        ValueError: If a name is unknown or nothing is left.
    """
    names = [stage.name for stage in stages]
    for flag, given in (("stages", only), ("skip", skip)):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ValueError(
                f"--{flag} takes a comma-separated list of {', '.join(names)}. "
                f"Received: {unknown[0]!r}"
            )
    left = [s for s in stages if s.name in (only or names) and s.name not in skip]
    if not left:
        raise ValueError(
            f"No stage is left to run. Received: --stages={','.join(only)}, --skip={','.join(skip)}"
        )
    return left


def check_inputs(job: Job, stages: Sequence[Stage]) -> None:
    """Raises a `ValueError` if a stage lacks a file that none of the stages makes."""
    coming: set[str] = set()
    for stage in stages:
        for name in stage.needs:
            if name not in coming and not job.has(name):
                maker = next((s.name for s in STAGES if name in s.makes), "take")
                raise ValueError(
                    f"Stage '{stage.name}' needs '{job.path(name)}', which stage '{maker}' makes. "
                    f"Run '{maker}' too, or leave '{stage.name}' out."
                )
        coming.update(stage.makes)


def program(network: Callable[[], str]) -> Callable[[list[str]], int]:
    """The `main` of a program that trains a network, for `absl.app.run`.

    Args:
        network: Returns the name of the network, once flags are parsed.

    Returns:
        A function that runs the stages and turns expected errors into one sentence.
    """
    return guarded(
        lambda values: run(task_flags.read(network(), values), values.stages, values.skip)
    )


def guarded(action: Callable[[flags.FlagValues], None]) -> Callable[[list[str]], int]:
    """A `main` that says what is wrong with the input in one sentence.

    Args:
        action: What the program does, given the parsed flags, among them --debug.

    Returns:
        A function from the command line to an exit code.
    """

    def main(argv: list[str]) -> int:
        values = flags.FLAGS
        # Its remarks on retracing are about the many networks that are measured once.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        try:
            if argv[1:]:
                raise ValueError(f"Expected flags only, such as --macs=0.5. Received: {argv[1]}")
            teamwork.start(values)
            with PREEMPTION.noticed():
                action(values)
        except EXPECTED as error:
            if values.debug:
                traceback.print_exc()
            print(f"error: {sentence(error)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(
                "\nInterrupted. The same command goes on from the last checkpoint.", file=sys.stderr
            )
            return 130
        except Preempted as stopped:
            print(f"\n{stopped}", file=sys.stderr)
            return STATUS
        return 0

    return main


def sentence(error: BaseException) -> str:
    """What an error says, in one line: an error of the system with the file that it is about."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: '{error.filename}'"
    return str(error) or type(error).__name__
