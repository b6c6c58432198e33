import os

import keras
import numpy as np
import pytest

from benchmarks.kill_soak.workers import free_ports
from tests.distribute import processes, small
from tests.tasks import programs

pytestmark = pytest.mark.jax


def environment(devices=1, count=1, index=0, port=0):
    """Environment variables of one of several processes."""
    variables = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    if count > 1:
        job = {"JOB_ADDRESSES": f"127.0.0.1:{port}", "NUM_PROCESSES": count, "PROCESS_ID": index}
        variables |= {f"KERAS_DISTRIBUTION_{name}": str(value) for name, value in job.items()}
    return variables


def environments(count):
    """Those of several processes."""
    (port,) = free_ports(1)
    return [environment(count=count, index=index, port=port) for index in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("devices,count", [(2, 1), (1, 2)])
def test_two_devices_or_processes_are_one(devices, count, tmp_path):
    worker = "tests/distribute/jax_worker.py"
    names = ["alone", *map(str, range(count))]
    commands = [
        [worker, str(tmp_path / f"{name}.npz"), "none" if name == "alone" else "jax"]
        for name in names
    ]
    several = environments(2) if count == 2 else [environment(devices)]
    processes.run(commands, [environment(), *several])
    one, *others = (np.load(tmp_path / f"{name}.npz", allow_pickle=False) for name in names)
    for two in others:
        assert (int(one["replicas"]), int(two["replicas"])) == (1, 2)
        for key in one.files:
            if key != "replicas":
                np.testing.assert_allclose(two[key], one[key], 1e-5, 1e-5, err_msg=key)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize(
    "program,flags,models",
    [
        ("tasks", ("--epochs=2", "--channels=0.6"), ("dense.keras", "finetuned.keras")),
        (
            "gradual",
            ("--epochs=3", "--prune_every=1", "--prune_until=2", "--prune_channels=1"),
            ("finetuned.keras",),
        ),
        (
            "adversarial",
            ("--epochs=1", "--rounds=1", "--round_epochs=1", "--threshold=0.5"),
            ("finetuned.keras", "discriminator.keras"),
        ),
        ("eigendamage", ("--epochs=1", "--ratio=0.3"), ("finetuned_1.keras",)),
    ],
)
def test_two_processes_run_a_program_as_one_does(program, flags, models, tmp_path):
    if program == "adversarial":
        flags = (*flags, "--attention_weight=1")
    alone = programs.command(tmp_path / "alone", program, "none", flags)
    several = programs.command(tmp_path / "several", program, "jax", flags)
    processes.run([alone, several, several], [environment(), *environments(2)])
    for name in models:
        programs.same_weights(tmp_path / "alone" / name, tmp_path / "several" / name)


@pytest.mark.slow
def test_a_model_of_one_device_is_refused(tmp_path):
    code = (
        "from ccm_tf import distribute; from tests.distribute import small;"
        "strategy = distribute.start('jax'); strategy.fit(small.compiled(False), *small.data(16))"
    )
    (said,) = processes.run([["-c", code]], [environment(2)], status=1)
    assert "was made outside the scope of the strategy" in said


def test_data_that_processes_cannot_share():
    from ccm_tf.distribute.jax import JaxStrategy

    with keras.distribution.DataParallel(devices=keras.distribution.list_devices()).scope():
        model = small.compiled(False)
    strategy = JaxStrategy(1, 2, 0, keras.distribution.DataParallel())
    with pytest.raises(ValueError, match="of model 'small' must be compiled: leave out `jit_comp"):
        strategy.fit(model, *small.data(2))
    with pytest.raises(ValueError, match="must be arrays or a `keras.utils.PyDataset`"):
        strategy.fit(model, iter([small.data(2)]))
