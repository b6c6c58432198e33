import pytest

from ccm_tf.sensitivity import Sensitivity, sensitivity
from tests import zoo


@pytest.mark.parametrize("make", [zoo.chain, zoo.residual, zoo.slices])
def test_one_group_at_a_time_loses_the_asked_share(make):
    model = make()
    seen = []

    def evaluate(candidate):
        seen.append(candidate.count_params())
        return candidate.count_params() / model.count_params()

    found = sensitivity(model, "random", evaluate=evaluate, shares=(0.25, 0.5))
    assert found.shares == (1.0, 0.5, 0.25)
    assert len(seen) == 1 + 2 * len(found.scores)
    for scores in found.scores.values():
        assert scores[0] == 1.0
        assert list(scores) == sorted(scores, reverse=True)
        assert scores[-1] < 1.0


def test_the_layer_that_carries_the_network_is_named_first():
    found = Sensitivity((1.0, 0.5), {"a": (0.9, 0.89), "b": (0.9, 0.3), "c": (0.9, 0.8)})
    assert found.most_sensitive() == ["b", "c", "a"]


def test_it_prints_and_plots(tmp_path):
    found = Sensitivity((1.0, 0.5), {"conv1": (0.9, 0.8), "a_long_name": (0.9, 0.7)})
    lines = str(found).splitlines()
    assert lines[0].split() == ["layer", "100%", "50%"]
    assert lines[1].split() == ["conv1", "0.9000", "0.8000"]
    pytest.importorskip("matplotlib")
    found.plot(tmp_path / "plot.svg")
    # Two curves and the frame; text is drawn as outlines.
    assert (tmp_path / "plot.svg").read_text().count('<g id="line2d') >= 2


@pytest.mark.parametrize("shares", [(), (0.5, 1.0), (0.0,)])
def test_shares_that_make_no_sense(shares):
    with pytest.raises(ValueError, match=r"each in \(0, 1\)"):
        sensitivity(zoo.chain(), "random", evaluate=lambda m: 0.0, shares=shares)
