import numpy as np
import pytest

from tasks.compression.scale_choice import chosen_scale
from tasks.datasets.source import Images
from tests.tasks.compression.test_scales import IMAGES, threshold


@pytest.mark.parametrize(("at", "best"), [(0.5, "unit"), (127.0, "pixels")])
def test_auto_takes_the_one_that_fits(at, best, capsys):
    assert chosen_scale(threshold(at), IMAGES, "auto", 0) == best
    said = capsys.readouterr().out
    assert f"Scale: {best} (0 … " in said and "right on 100.0% of some training images" in said


def test_what_was_asked_for_is_taken_and_remarked_on(capsys):
    assert chosen_scale(threshold(127.0), IMAGES, "unit", 0) == "unit"
    said = capsys.readouterr().out
    assert "--scale=unit seems at odds with the model, --scale=pixels fits better" in said


def test_guesses_are_named(capsys):
    random = Images(IMAGES.images, np.arange(40) // 4 % 2)
    assert chosen_scale(threshold(0.5), random, "auto", 0) == "unit"
    assert "no better than guessing, whatever the scale" in capsys.readouterr().out


def test_another_order_of_classes_is_an_error():
    swapped = Images(IMAGES.images, 1 - IMAGES.labels)
    with pytest.raises(ValueError, match="right on 0.0% .*100.0% if its classes are numbered"):
        chosen_scale(threshold(0.5), swapped, "unit", 0)
