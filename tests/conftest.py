"""What every test shares: quiet backends, fixed seeds, and skips by backend."""

import collections
import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# Nearly all of JAX's time goes into compiling small functions that run once.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "True")

import hypothesis
import pytest

hypothesis.settings.register_profile("ccm_tf", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("ccm_tf")


def pytest_addoption(parser):
    """`--thin=N`: of every test, the first and then every Nth of its sets of parameters."""
    parser.addoption("--thin", type=int, default=1, metavar="N", help="every Nth parameter set")


def pytest_configure(config):
    """Gives TensorFlow four CPUs, which it allows only before its first operation."""
    if _only_hands_out_work(config):
        return
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        one = tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpu, 4 * [one])


def _only_hands_out_work(config):
    """Whether tests run in other processes only, so that this one needs no backend.

    pytest captures what is written here and shows it after its summary: TensorFlow's messages.
    """
    return bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")


def pytest_collection_modifyitems(config, items):
    """Skips the tests of the backends that are not the running one."""
    import keras

    running = keras.backend.backend()
    for item in items:
        for backend in ("tensorflow", "jax"):
            if backend != running and item.get_closest_marker(backend):
                item.add_marker(pytest.mark.skip(reason=f"needs {backend}, running on {running}"))

    items[:] = _thinned(config, items)


def _thinned(config, items):
    """What `--thin` leaves: every test function, with fewer sets of parameters."""
    kept, dropped = [], []
    seen = collections.Counter()
    for item in items:
        function = (item.parent, getattr(item, "originalname", item.name))
        (dropped if seen[function] % config.getoption("thin") else kept).append(item)
        seen[function] += 1
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    return kept


@pytest.fixture(autouse=True)
def fresh_keras():
    """Same seeds, layer names and dtype policy whatever ran before."""
    import keras

    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(policy)


@pytest.fixture(autouse=True, scope="module")
def light_collections():
    """Garbage collections look at what the tests of this file left, not at all files before it.

    TensorFlow keeps much of every model for good; whoever collects would walk through all of it.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def two_replicas():
    """A `MirroredStrategy` over two CPUs: one for all tests of the process."""
    return _mirrored(2)


@pytest.fixture(scope="session")
def four_replicas():
    """The same over four CPUs."""
    return _mirrored(4)


def _mirrored(count):
    import tensorflow as tf

    # Strategies whose replicas meet in collective operations collide in one process.
    return tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(count)], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )
