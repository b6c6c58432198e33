import keras
import pytest

from ccm_tf import distribute
from ccm_tf.distribute import registry


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    monkeypatch.setattr(registry, "_RUNNING", [])


def test_names():
    assert distribute.names() == ("none", "jax", "mirrored", "multi_worker", "tpu")


def test_none_is_one_replica_that_does_everything():
    strategy = distribute.start("none")
    assert (strategy.replicas, strategy.workers, strategy.chief) == (1, 1, True)
    assert strategy.gather(b"a") == [b"a"] and strategy.broadcast(b"b") == b"b"
    strategy.barrier()
    strategy.check_batch_size(7)
    assert repr(strategy) == "<ccm_tf.distribute 'none': 1 replica(s)>"


def test_unknown_names():
    with pytest.raises(ValueError, match="Expected one of none, .*Received: 'horovod'"):
        distribute.start("horovod")


def test_a_strategy_that_the_backend_lacks():
    lacking = "jax" if keras.backend.backend() == "tensorflow" else "mirrored"
    with pytest.raises(ValueError, match=f"The strategy '{lacking}' needs Keras on .*runs on"):
        distribute.start(lacking)


def test_one_strategy_per_process(monkeypatch):
    backend = keras.backend.backend()
    made = []

    def make(options):
        made.append(distribute.Strategy(replicas=2))
        made[-1].name = "own"
        return made[-1]

    monkeypatch.setitem(registry._KINDS, "own", registry.Kind(make, (backend,)))
    first = distribute.start("own")
    assert distribute.start("own") is first is distribute.current() and len(made) == 1
    with pytest.raises(ValueError, match="runs under the strategy 'own' and cannot change to"):
        distribute.start("none")


@pytest.mark.parametrize("batch,options", [(10, "8 or 12"), (3, "4")])
def test_a_batch_that_replicas_do_not_divide(batch, options):
    with pytest.raises(ValueError, match=f"4 replicas .* batch of {batch} .* size of {options};"):
        distribute.Strategy(replicas=4).check_batch_size(batch)
