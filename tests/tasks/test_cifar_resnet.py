import pathlib
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]


def start(arguments, output_dir):
    command = [sys.executable, "-m", "tasks.cifar_resnet", "--depth=8", *arguments]
    return subprocess.Popen([*command, f"--output_dir={output_dir}"], cwd=ROOT)


def wait_for(process, file, content, seconds=300):
    """Until the running process has written something into a file."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if file.is_file() and content in file.read_text():
            return
        time.sleep(0.05)
    raise AssertionError(f"{content!r} did not come up in {file}; exit code {process.poll()}")


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.tensorflow
def test_killed_twice_ends_like_a_run_that_was_not(arguments, tmp_path):
    further = [*arguments, "--epochs=3", "--finetune_epochs=2"]
    assert start(further, tmp_path / "whole").wait() == 0

    killed = tmp_path / "killed"
    for name in ("dense", "finetuned"):
        process = start(further, killed)
        wait_for(process, killed / f"{name}_history.json", '"epoch": 1')
        process.kill()
        process.wait()
        assert not (killed / "report.json").exists()
    assert start(further, killed).wait() == 0

    for name in ("dense", "pruned", "finetuned"):
        ours, theirs = (
            keras.saving.load_model(tmp_path / run / f"{name}.keras", compile=False).get_weights()
            for run in ("whole", "killed")
        )
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
    assert (killed / "report.html").is_file()
    assert not list(killed.glob("*checkpoint*")) and not list(killed.glob(".*.keras"))
