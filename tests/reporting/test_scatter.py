import re

from ccm_tf.reporting.scatter import Trail, scatter_chart, sign


def drawn(*trails, floor=0.0):
    named = [Trail(f"run {number}", points) for number, points in enumerate(trails)]
    return scatter_chart("title", named, "cost", "{:g}".format, floor)


def test_cheaper_is_to_the_left_and_more_accurate_above():
    chart = drawn([(100.0, 0.9), (10.0, 0.8)])
    dense = re.search(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="2.8" class="early c0"', chart)
    last = re.search(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="4.0" class="dot c0"', chart)
    assert float(last[1]) < float(dense[1]) and float(last[2]) > float(dense[2])
    assert "<title>run 0: 80.00 %</title>" in chart


def test_the_front_goes_in_steps_over_the_best():
    chart = drawn([(100.0, 0.9)], [(10.0, 0.8)], [(50.0, 0.7)])
    (points,) = re.findall(r'class="front" points="([^"]*)"', chart)
    corners = [tuple(map(float, p.split(","))) for p in points.split()]
    # Up to the first, along and up to the second, and on to the edge.
    assert len(corners) == 5
    for (x1, y1), (x2, y2) in zip(corners, corners[1:], strict=False):
        assert (x1 == x2 and y2 < y1) or (x1 < x2 and y1 == y2)


def test_points_below_the_floor_are_left_out():
    chart = drawn([(100.0, 0.9), (10.0, 0.1), (10.0, 0.8)], floor=0.5)
    assert chart.count('class="early') == 1 and "20 %" not in chart


def test_numbers_cover_nothing():
    chart = drawn(*(12 * [[(100.0, 0.9)]]))
    places = re.findall(r'class="word x" x="([\d.]+)" y="([\d.]+)"', chart)
    assert 1 <= len(places) == len(set(places)) < 12


def test_signs_of_neighbours_differ_in_colour_and_shape():
    shapes = [re.search(r"<(circle|polygon)[^>]*", sign(n))[0] for n in range(30)]
    assert len(set(shapes)) == 30
    for one, other in zip(shapes, shapes[1:], strict=False):
        colours = [re.search(r"class=\"dot (c\d)\"", shape)[1] for shape in (one, other)]
        assert len(set(colours)) == 2
