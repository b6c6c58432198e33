import numpy as np
import pytest

from ccm_tf.distribute import TensorFlowStrategy
from ccm_tf.distribute import tensorflow as strategies
from ccm_tf.distribute.registry import Options
from tests.distribute import processes, small

pytestmark = pytest.mark.tensorflow


@pytest.mark.slow
@pytest.mark.long
def test_two_worker_processes_are_one_device(tmp_path):
    worker = "tests/distribute/worker.py"
    paths = [str(tmp_path / f"{name}.npz") for name in ("alone", "chief", "other")]
    names = ("none", "multi_worker", "multi_worker")
    processes.run(
        [[worker, path, name] for path, name in zip(paths, names, strict=True)],
        [processes.alone(), *processes.environments(2)],
    )
    one, chief, other = (np.load(path, allow_pickle=False) for path in paths)
    assert len(chief["losses"]) == small.STEPS
    for several in (chief, other):
        assert several["keys"].tolist() == one["keys"].tolist()
        for key in one.files:
            if key.startswith("weight") or key in ("losses", "logs"):
                np.testing.assert_allclose(several[key], one[key], 1e-5, 1e-5, err_msg=key)
        assert str(several["plan"]) == str(one["plan"])
        assert str(several["hash"]) == str(chief["hash"])
        # From the same weights, to the last bit.
        assert str(several["folded"]) == str(one["folded"])
        assert str(several["directions"]) == str(one["directions"])
        assert str(several["gathered"]) == "x|xxxx"
        assert str(several["broadcast"]) == "from 0"


def test_a_worker_that_never_comes(monkeypatch):
    (variables, _) = processes.environments(2)
    monkeypatch.setenv("TF_CONFIG", variables["TF_CONFIG"])
    with pytest.raises(TimeoutError, match="missing: worker 1 at 127.0.0.1"):
        strategies.multi_worker(Options(timeout=0.5))


def test_no_tpu():
    with pytest.raises(ValueError, match="No TPU answers .*Run on a TPU machine"):
        strategies.tpu(Options(address="nowhere"))


def test_a_tpu_trains_in_bfloat16_through_fit(two_replicas, monkeypatch):
    import keras
    import tensorflow as tf

    resolvers = tf.distribute.cluster_resolver
    monkeypatch.setattr(resolvers, "TPUClusterResolver", lambda tpu: tpu)
    monkeypatch.setattr(tf.config, "experimental_connect_to_cluster", lambda resolver: None)
    monkeypatch.setattr(tf.tpu.experimental, "initialize_tpu_system", lambda resolver: None)

    class Fake:
        """Keras asks whether a strategy is one of these."""

        def __new__(cls, resolver):
            return two_replicas

    monkeypatch.setattr(tf.distribute, "TPUStrategy", Fake)
    strategy = strategies.tpu(Options(address="local"))
    assert (strategy.name, strategy.replicas) == ("tpu", 2)
    with strategy.scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", jit_compile=False)
    assert model.layers[-1].compute_dtype == "bfloat16"
    assert strategy.fit(model, np.ones((4, 4)), np.ones((4, 1)), batch_size=2, verbose=0).history


def test_replicas_on_the_cpu_of_this_machine(two_replicas):
    assert TensorFlowStrategy(two_replicas).synchronises
    assert strategies._logical_cpus(2) == ["CPU:0", "CPU:1"]
    with pytest.raises(ValueError, match="cannot be split into 5 replicas any more"):
        strategies._logical_cpus(5)
