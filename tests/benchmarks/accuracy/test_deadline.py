import keras
import numpy as np

from benchmarks.accuracy.deadline import Deadline, StopInTime


class Clock:
    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


def test_over_when_what_is_needed_does_not_fit():
    clock = Clock()
    deadline = Deadline(minutes=1, clock=clock)
    assert not deadline.over()
    assert not deadline.over(needed=59)
    assert deadline.over(needed=61)
    clock.seconds += 61
    assert deadline.over()


def test_without_minutes_it_never_comes():
    assert not Deadline().over(needed=1e9)


def test_training_stops_after_an_epoch(monkeypatch):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    clock = Clock()
    callback = StopInTime(Deadline(minutes=1, clock=clock))
    clock.seconds += 61
    history = model.fit(np.zeros((2, 2)), np.zeros(2), epochs=3, callbacks=[callback], verbose=0)
    assert len(history.epoch) == 1
    assert callback.stopped
