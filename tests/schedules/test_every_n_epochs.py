import pytest

from ccm_tf.schedules import EveryNEpochs


@pytest.mark.parametrize(
    "every, until, epochs",
    [
        (21, 150, (21, 42, 63, 84, 105, 126, 147)),
        (15, 150, (15, 30, 45, 60, 75, 90, 105, 120, 135, 150)),
        (9, 50, (9, 18, 27, 36, 45)),
    ],
)
def test_epochs_of_the_specification(every, until, epochs):
    schedule = EveryNEpochs(every, 100, until)
    assert schedule.epochs == epochs
    assert tuple(e for e in range(200) if schedule.due(e)) == epochs
    steps = EveryNEpochs(every, 100, until, steps_per_epoch=7, total=2000)
    assert tuple(s for s in range(1400) if steps(s)[0]) == tuple(7 * e for e in epochs)


def test_sparsity_counts_what_is_gone():
    schedule = EveryNEpochs(2, 10, 5, total=80)
    assert [schedule.sparsity(e) for e in (0, 1, 2, 4, 6, 99)] == [0, 0, 1 / 8, 1 / 4, 1 / 4, 1 / 4]
    assert EveryNEpochs(2, 0.125, 5).sparsity(4) == 0.25
    assert EveryNEpochs(2, 0.125, 5).count(80) == EveryNEpochs(2, 10, 5).count(80) == 10


def test_shares_need_the_number_of_channels():
    schedule = EveryNEpochs(2, 10, 5)
    with pytest.raises(ValueError, match="needs the number of channels"):
        schedule(2)
    assert schedule.bind(40)(2) == (True, 0.25)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((0, 10, 5), "`every` must be positive"),
        ((1, 0, 5), "`channels` must be positive"),
        ((1, 2.5, 5), "an integer or a share"),
        ((6, 10, 5), "nothing would be pruned"),
        ((1, 10, 5, 0), "`steps_per_epoch` must be >= 1"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        EveryNEpochs(*arguments)


def test_a_schedule_for_tfmot_counts_epochs_once_a_model_is_known():
    schedule = EveryNEpochs(3, 4, 9, steps_per_epoch=100)
    bound = schedule.bind(40)
    assert [epoch for epoch in range(12) if bound.due(epoch)] == [3, 6, 9]
    assert bound(6) == (True, 0.2) and bound.bind(50) == bound
