import re

from ccm_tf.reporting.content import Content
from ccm_tf.reporting.sections.directions import directions
from tests.reporting import examples


def test_a_figure_per_layer_with_falling_spectra():
    page = directions(Content(examples.round_values()))
    assert page.count("<figure>") == 2 and "<b>11</b> of 27" in page and "297 + 88 + 128" in page
    points = re.search(r'points="([^"]*)"', page).group(1).split()
    heights = [float(point.split(",")[1]) for point in points]
    # Down is more in an image; below eight decades there is nothing to see.
    assert heights == sorted(heights) and heights[0] == 2 and heights[-1] == heights[-2] == 58


def test_wide_layers_take_no_more_than_a_few_points():
    values = examples.round_values()
    layer = values["directions"][0]["layers"][0]
    layer["input_values"] = [1.0] * 5000
    assert len(re.search(r'points="([^"]*)"', directions(Content(values))).group(1).split()) == 200


def test_many_layers_are_thinned_out_and_the_page_says_so():
    values = examples.round_values()
    part = values["directions"][0]
    part["layers"] = part["layers"] * 10
    page = directions(Content(values))
    assert "One in 2 layers is shown." in page and page.count("<figure>") == 10
