"""Programs that several processes run together, on a tiny network: see `program_worker`."""

import signal

import keras
import numpy as np

from tests.distribute import processes

FLAGS = (
    "--finetune_epochs=1",
    "--batch_size=12",
    "--schedule=one_cycle",
    "--statistics_batches=1",
    "--learning_rate=0.02",
)


def command(folder, program, strategy, flags, kill="-"):
    """Arguments of Python that run a program in an output folder."""
    worker = "tests/tasks/program_worker.py"
    return [worker, program, strategy, kill, f"--output_dir={folder}", *FLAGS, *flags]


def killed_and_resumed(path, program, kill, flags, models):
    """Two workers, of which the chief is killed, and which are started again, end as one does.

    Args:
        path: A folder for the runs.
        program: Name of the program.
        kill: When the chief is killed; "-" for never.
        flags: The program's flags.
        models: Names of files whose weights are compared.
    """
    several = command(path / "several", program, "multi_worker", flags)
    if kill != "-":
        dying = command(path / "several", program, "multi_worker", flags, kill)
        processes.run_until_one_ends(dying, processes.environments(2), -signal.SIGKILL)
    alone = command(path / "alone", program, "none", flags)
    found = processes.run(
        [alone, several, several], [processes.alone(), *processes.environments(2)]
    )
    assert kill == "-" or any(word in found[1] for word in ("Going on after", "done already"))
    for name in models:
        same_weights(path / "alone" / name, path / "several" / name)


def same_weights(one, other):
    """Fails unless two models have the same weights but for rounding."""
    pairs = [keras.saving.load_model(file, compile=False).get_weights() for file in (one, other)]
    for ours, theirs in zip(*pairs, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
