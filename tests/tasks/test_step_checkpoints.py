import threading

import pytest

from ccm_tf import distribute
from tasks.preemption import PREEMPTION, Preempted
from tasks.step_checkpoints import StepCheckpoints
from tests.workers import together


class Log:
    """Stands in for `Recorder` and `FiniteLoss`: notes what is asked of them."""

    def __init__(self):
        self.said = []

    def save(self):
        self.said.append("save")

    def check_weights(self):
        self.said.append("check")


def steps(every, done=0, count=6, at_once=1):
    """After which steps of an epoch a checkpoint is written."""
    log = Log()
    callback = StepCheckpoints(log, log, every, done)
    callback.set_params({"steps": count})
    callback.on_epoch_begin(0)
    found = []
    for last in range(at_once - 1, count, at_once):
        callback.on_train_batch_end(last)
        if log.said:
            assert log.said == ["check", "save"]
            log.said.clear()
            found.append(done + last + 1)
    return found


@pytest.mark.parametrize(
    "every,options,expected",
    [
        (0, {}, []),
        (2, {}, [2, 4]),
        (3, {}, [3]),
        (1, {"count": 3}, [1, 2]),
        (2, {"done": 3, "count": 4}, [4, 6]),
        # Several steps in one call: after the call in which one was due.
        (2, {"at_once": 3}, [3]),
        (5, {"at_once": 3, "count": 9}, [6]),
    ],
)
def test_within_an_epoch_and_not_at_its_end(every, options, expected):
    assert steps(every, **options) == expected


def test_a_second_epoch_counts_from_its_beginning():
    log = Log()
    callback = StepCheckpoints(log, log, 2, 3)
    callback.set_params({"steps": 1})
    callback.on_epoch_begin(0)
    callback.on_train_batch_end(0)
    callback.on_epoch_end(0)
    callback.set_params({"steps": 4})
    callback.on_epoch_begin(1)
    callback.on_train_batch_end(0)
    assert log.said == []
    callback.on_train_batch_end(1)
    assert log.said == ["check", "save"]


def test_all_workers_stop_after_the_same_step(monkeypatch):
    class Worker(distribute.Strategy):
        def __init__(self, index, gather):
            super().__init__(2, 2, index)
            # Worker 1 is asked to end, and says so.
            self.gather = lambda said: gather(b"1" if index else said)

    def work(index, gather):
        log = Log()
        callback = StepCheckpoints(log, log, 0)
        callback.set_params({"steps": 100})
        callback.on_epoch_begin(0)
        workers[index] = Worker(index, gather)
        with pytest.raises(Preempted) as raised:
            for batch in range(100):
                callback.on_train_batch_end(batch)
        assert log.said == ["check", "save"]
        return str(raised.value)

    workers = {}
    local = threading.local()

    def current():
        return workers[local.index]

    def run(index, gather):
        local.index = index
        return work(index, gather)

    monkeypatch.setattr(distribute, "current", current)
    first, second = together(2, run)
    assert first == second and "after step 8 of 100 of epoch 1" in first
    assert not PREEMPTION.asked
