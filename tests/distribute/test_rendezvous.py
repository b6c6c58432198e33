import concurrent.futures
import socket

import pytest

from benchmarks.kill_soak.workers import free_ports
from ccm_tf.distribute.rendezvous import meet
from ccm_tf.distribute.tf_config import Cluster


def addresses(count):
    return tuple(f"127.0.0.1:{port}" for port in free_ports(count))


def together(*calls):
    """What each of some calls of `meet` at the same time raised, `None` for nothing."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [future.exception() for future in [pool.submit(meet, *call) for call in calls]]


def test_all_go_on_when_all_are_there():
    known = addresses(3)
    assert together(*[(Cluster(known, index), "same", 20) for index in range(3)]) == [None] * 3
    # The chief's port is free again at once.
    assert together(*[(Cluster(known, index), "same", 20) for index in range(3)]) == [None] * 3


def test_one_worker_meets_nobody():
    meet(Cluster(("127.0.0.1:1",), 0))


def test_who_is_missing_is_named_by_all_that_came():
    known = addresses(4)
    errors = together((Cluster(known, 0), "", 1), (Cluster(known, 2), "", 1))
    for error in errors:
        assert isinstance(error, TimeoutError)
        assert f"missing: worker 1 at {known[1]}, worker 3 at {known[3]}." in str(error)


def test_a_chief_that_never_comes():
    known = addresses(2)
    with pytest.raises(TimeoutError, match=r"all 2 workers; missing: worker 0 \(chief\) at 127"):
        meet(Cluster(known, 1), "", 0.5)


def test_workers_that_disagree():
    known, other = addresses(2), addresses(1)
    mixed = (known[0], *other)
    for error in together((Cluster(known, 0), "", 20), (Cluster(mixed, 1), "", 20)):
        assert isinstance(error, ValueError)
        assert "TF_CONFIG of worker 1 disagrees with the chief's" in str(error)
    for error in together((Cluster(known, 0), "tensorflow 1", 20), (Cluster(known, 1), "2", 20)):
        assert "was started differently: '2' there, 'tensorflow 1' on the chief" in str(error)


def test_two_workers_with_one_index():
    known = addresses(3)
    errors = together(*[(Cluster(known, index), "", 5) for index in (0, 1, 1)])
    assert "Two processes say that they are worker 1 at" in str(errors[0])


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        known = (f"127.0.0.1:{taken.getsockname()[1]}", *addresses(1))
        with pytest.raises(OSError, match=r"of worker 0 \(chief\) .* cannot be used"):
            meet(Cluster(known, 0), "", 5)
