import pytest

from benchmarks.peers.search import ratio_for


def test_the_share_is_found_within_the_tolerance():
    found = ratio_for(lambda ratio: (1 - ratio) ** 2, 0.5)
    assert found.within and found.part == pytest.approx(0.5, rel=0.01)
    assert (1 - found.ratio) ** 2 == found.part
    assert found.tries <= 8


def test_a_target_between_two_steps_ends_with_the_nearest():
    found = ratio_for(lambda ratio: 0.6 if ratio < 0.4 else 0.3, 0.5, most=7)
    assert (found.part, found.within, found.tries) == (0.6, False, 7)


def test_the_first_share_that_fits_is_enough():
    asked = []

    def part_at(ratio):
        asked.append(ratio)
        return 0.5

    assert ratio_for(part_at, 0.5).tries == 1 and asked == [0.5]


@pytest.mark.parametrize("target", [0, 1, 1.5])
def test_targets_are_parts(target):
    with pytest.raises(ValueError, match="between 0 and 1"):
        ratio_for(lambda ratio: ratio, target)
