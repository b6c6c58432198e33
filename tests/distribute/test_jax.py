import os
import subprocess
import sys

import numpy as np
import pytest

from tests.distribute.processes import ROOT

pytestmark = pytest.mark.jax


def run(path, name, devices):
    variables = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    command = [sys.executable, "tests/distribute/jax_worker.py", str(path), name]
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return np.load(path, allow_pickle=False)


@pytest.mark.slow
def test_two_devices_are_one(tmp_path):
    one = run(tmp_path / "one.npz", "none", 1)
    two = run(tmp_path / "two.npz", "jax", 2)
    assert (int(one["replicas"]), int(two["replicas"])) == (1, 2)
    for key in one.files:
        if key != "replicas":
            np.testing.assert_allclose(two[key], one[key], 1e-5, 1e-5, err_msg=key)
