import pytest

from ccm_tf.schedules import KFERounds


def test_every_round_takes_the_same_share_of_what_is_left():
    schedule = KFERounds(3, 0.5, begin_step=4, frequency=10)
    assert [schedule(step) for step in (0, 4, 13, 14, 24, 34)] == [
        (False, 0.0),
        (True, 0.5),
        (False, 0.5),
        (True, 0.75),
        (True, 0.875),
        (False, 0.875),
    ]


def test_one_round_is_fine():
    assert [s for s in range(9) if KFERounds(1, 0.5, begin_step=3, frequency=2)(s)[0]] == [3]


@pytest.mark.parametrize(
    "arguments", [(0, 0.5), (1, 0.0), (1, 1.0), (1, 0.5, -1), (1, 0.5, 0, 0)], ids=str
)
def test_arguments_are_checked(arguments):
    with pytest.raises(ValueError, match="must be"):
        KFERounds(*arguments)
