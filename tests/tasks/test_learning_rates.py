import json

import keras
import numpy as np
import pytest

from tasks.learning_rates import OneCycle, WarmupCosine, make_schedule

STEPS = 196
# (epochs, epoch, step within the epoch) and the rate the reference logs print.
REFERENCE = [
    (400, 0, 0, 1.0200047945e-05),
    (400, 1, 0, 2.0096954902e-03),
    (400, 0, 195, 1.9992093972e-03),
    (400, 5, 0, 0.01),
    (400, 100, 0, 8.6393940518e-03),
    (400, 200, 0, 5.0994109383e-03),
    (400, 398, 0, 6.3255223824e-07),
    (400, 399, 0, 1.5814056040e-07),
    (600, 0, 0, 1.0202303785e-05),
    (600, 0, 195, 1.9996515418e-03),
    (600, 1, 0, 2.0099799259e-03),
    (600, 200, 0, 7.5758189347e-03),
    (600, 598, 0, 2.7878010552e-07),
    (600, 599, 0, 6.9695512126e-08),
]


def rate(schedule, step):
    return float(keras.ops.convert_to_numpy(schedule(step)))


@pytest.mark.parametrize("epochs,epoch,step,expected", REFERENCE)
def test_warmup_cosine_gives_the_references_rates(epochs, epoch, step, expected):
    schedule = WarmupCosine(0.01, STEPS, epochs)
    np.testing.assert_allclose(rate(schedule, epoch * STEPS + step), expected, rtol=1e-6)


def test_warmup_cosine_is_constant_within_an_epoch():
    schedule = WarmupCosine(0.01, STEPS, 400)
    assert rate(schedule, 100 * STEPS) == rate(schedule, 101 * STEPS - 1)
    assert rate(schedule, 101 * STEPS - 1) > rate(schedule, 101 * STEPS)


def test_warmup_cosine_without_warmup():
    schedule = WarmupCosine(0.1, 10, 4, warmup_epochs=0)
    rates = [rate(schedule, 10 * e) for e in range(5)]
    expected = [0.05 * (1 + np.cos(np.pi * e / 4)) for e in range(5)]
    np.testing.assert_allclose(rates, expected, atol=1e-8)


def test_one_cycle_rises_falls_and_stays_down():
    schedule = OneCycle(0.1, steps=100, rise=0.3)
    rates = [rate(schedule, s) for s in range(131)]
    np.testing.assert_allclose(rates[0], 0.004, rtol=1e-5)
    np.testing.assert_allclose(rates[30], 0.1, rtol=1e-5)
    np.testing.assert_allclose(rates[65], 0.05, rtol=1e-3)
    np.testing.assert_allclose(rates[100:], 1e-5, rtol=1e-3)
    assert np.all(np.diff(rates[:31]) > 0) and np.all(np.diff(rates[30:101]) < 0)


@pytest.mark.parametrize(
    "schedule", [WarmupCosine(0.02, 7, 9, 2), OneCycle(0.3, 50, 0.2, 0.1, 0.01)]
)
def test_config_round_trip(schedule):
    optimizer = keras.optimizers.SGD(schedule, momentum=0.9)
    written = keras.optimizers.serialize(optimizer)
    assert written["config"]["learning_rate"]["config"] == schedule.get_config()
    copy = keras.optimizers.deserialize(json.loads(json.dumps(written)))
    assert keras.optimizers.serialize(copy)["config"] == written["config"]


@pytest.mark.parametrize(
    "make,message",
    [
        (lambda: WarmupCosine(0.0, 10, 20), "`base` must be positive"),
        (lambda: WarmupCosine(0.1, 0, 20), "`steps_per_epoch` must be positive"),
        (lambda: WarmupCosine(0.1, 10, 5), "less than `epochs`"),
        (lambda: OneCycle(0.1, 0), "`steps` must be positive"),
        (lambda: OneCycle(0.1, 10, rise=1.0), "`rise` must be in"),
    ],
)
def test_refuses_impossible_schedules(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_steps_at_half_and_three_quarters():
    schedule = make_schedule("steps", 0.1, 10, 8)
    rates = [rate(schedule, step) for step in (0, 40, 41, 60, 61, 80)]
    np.testing.assert_allclose(rates, [0.1, 0.1, 0.01, 0.01, 0.001, 0.001], rtol=1e-6)
