"""What a measurement ran on, in words that identify a kind of machine and not a machine."""

import importlib.metadata
import os
import platform


def environment() -> dict[str, object]:
    """Processor kind, cores, backend and versions, for the line of a result."""
    import keras

    backend = keras.backend.backend()
    packages = {"keras", "numpy", "jax" if backend == "jax" else "tensorflow"}
    return {
        "hardware": f"{_accelerator(backend) or _processor()}, {_cores()} cores",
        "backend": backend,
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in sorted(packages)},
    }


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _accelerator(backend: str) -> str | None:
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        return None if device.platform == "cpu" else device.device_kind
    if backend == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        if gpus:
            return tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
    return None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return platform.machine()
    name = next((x.split(":", 1)[1] for x in text.splitlines() if x.startswith("model name")), "")
    return f"{platform.machine()} {name.strip()}".strip()


def limit_threads(threads: int) -> None:
    """Sets how many threads TensorFlow takes, before it runs: later it takes no other number.

    Args:
        threads: How many; 0 is TensorFlow's own choice.
    """
    import keras

    if threads and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
