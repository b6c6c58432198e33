import signal
import threading

import pytest

from tasks.preemption import STATUS, Preempted, Preemption


def test_the_signal_ends_what_is_going_on():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Preempted, match="Ended by SIGTERM. The same command goes on"):
        with Preemption().noticed():
            signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_patient_process_is_told_and_stops_at_the_end_at_the_latest():
    preemption, seen = Preemption(), []
    with preemption.noticed():
        with pytest.raises(Preempted):
            with preemption.patient():
                signal.raise_signal(signal.SIGTERM)
                seen.append(preemption.asked)
        with pytest.raises(Preempted):
            signal.raise_signal(signal.SIGTERM)
    assert seen == [True] and not preemption.asked


def test_threads_leave_signals_alone():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work():
        with Preemption().noticed():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_the_status_is_that_of_a_process_ended_by_the_signal():
    assert STATUS == 143
