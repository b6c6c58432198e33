import pytest

from ccm_tf.distribute.keras_job import asked, read_keras_job
from ccm_tf.distribute.tf_config import Cluster


def variables(addresses="", count="", index=""):
    named = {"JOB_ADDRESSES": addresses, "NUM_PROCESSES": count, "PROCESS_ID": index}
    return {f"KERAS_DISTRIBUTION_{name}": value for name, value in named.items() if value}


def test_every_address_or_only_the_first():
    source = "KERAS_DISTRIBUTION_*"
    found = read_keras_job(variables("a:1, b:2", index="1"))
    assert found == Cluster(("a:1", "b:2"), 1, source)
    found = read_keras_job(variables("a:1", "3", "2"))
    assert found == Cluster(("a:1", "process 1", "process 2"), 2, source)
    assert found.name(2) == "worker 2 at process 2"


def test_nothing_is_said():
    assert not asked({}) and read_keras_job({}) is None
    # JAX may know the others from elsewhere, such as a cluster scheduler.
    assert asked(variables(count="2")) and read_keras_job(variables(count="2")) is None


@pytest.mark.parametrize(
    "said",
    [
        ("a:1", "2"),
        ("a:1", "2", "2"),
        ("a:1", "two", "0"),
        ("a", "2", "0"),
        ("a:1,b:2", "3", "0"),
    ],
)
def test_contradictions(said):
    with pytest.raises(ValueError, match="contradict each other. .*Received: .*JOB_ADDRESSES='a"):
        read_keras_job(variables(*said))
