import warnings

import pytest

from ccm_tf.gradual import checks
from ccm_tf.schedules import ConstantSparsity, EveryNEpochs, PCAEnergy, PolynomialDecay


class Theirs:
    """A schedule like those of tfmot: without `last_step`."""

    end_step = 40

    def __call__(self, step):
        return False, 0.25


@pytest.mark.parametrize(
    "schedule, last",
    [
        (PolynomialDecay(0.0, 0.5, 0, 45, frequency=10), 40),
        (ConstantSparsity(0.5, 0), None),
        (EveryNEpochs(3, 1, 10), 9),
        (Theirs(), 40),
    ],
)
def test_last_step(schedule, last):
    assert checks.last_step(schedule) == last


def test_what_a_schedule_is_about():
    assert checks.by_epoch(EveryNEpochs(3, 1, 10)) and not checks.by_epoch(Theirs())
    assert checks.asks_for_sparsity(Theirs())
    assert not checks.asks_for_sparsity(PCAEnergy(1.0, 0.9, 0, 1))


@pytest.mark.parametrize(
    "schedule, begin, epochs, steps",
    [
        (Theirs(), 0, 5, 9),
        (Theirs(), 40, 1, 1),
        (ConstantSparsity(0.5, 0), 0, 1, 1),
        (EveryNEpochs(3, 1, 10), 0, 10, 1),
        (Theirs(), 0, 1, None),
        (Theirs(), 0, None, 1),
    ],
)
def test_no_warning_without_a_reason(schedule, begin, epochs, steps):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checks.warn_of_missed_end(schedule, begin, epochs, steps)


def test_a_missed_end_comes_with_its_numbers():
    with pytest.warns(UserWarning, match="up to step 40, but training ends after 30 steps"):
        checks.warn_of_missed_end(Theirs(), 10, 2, 10)
    with pytest.warns(UserWarning, match="epochs up to 9, but training ends with epoch 9"):
        checks.warn_of_missed_end(EveryNEpochs(3, 1, 10), 0, 9, 10)


def test_the_last_pruning_is_known():
    schedule = PolynomialDecay(0.0, 0.5, 0, 45, frequency=10)
    assert not checks.is_last(schedule, 39) and checks.is_last(schedule, 40)
    assert not checks.is_last(ConstantSparsity(0.5, 0), 10**6)


@pytest.mark.parametrize(
    "schedule, message",
    [
        (ConstantSparsity(0.5, 0), "need a schedule with an end"),
        (PCAEnergy(1.0, 0.9, 0, 1), "An energy says which channels go"),
    ],
)
def test_some_prunings_need_an_end(schedule, message):
    with pytest.raises(ValueError, match=message):
        checks.need_end(schedule)
    checks.need_end(EveryNEpochs(3, 1, 10))
