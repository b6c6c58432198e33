import re

from ccm_tf.reporting.silhouette import silhouette
from tests.reporting import examples


def heights(drawing, style):
    return [
        float(height) for height in re.findall(rf'class="{style}" [^>]*height="([\d.]+)"', drawing)
    ]


def test_bars_are_as_high_as_layers_are_wide():
    drawing = silhouette(examples.network(), "title")
    layers = [node for node in examples.network()["nodes"] if not node.get("merge")]
    assert heights(drawing, "dense") == [round(100 * n["width"] / 48, 2) for n in layers]
    kept = heights(drawing, "kept") + heights(drawing, "frozen")
    assert kept == [max(0.8, round(100 * n["kept"] / 48, 2)) for n in layers]


def test_an_arc_for_every_shortcut_and_a_name_for_every_bar():
    drawing = silhouette(examples.network(), "a < b")
    assert drawing.count('class="arc"') == examples.BLOCKS
    assert "<title>stem: 9 of 16</title>" in drawing and "<title>a &lt; b</title>" in drawing


def test_arcs_pass_above_the_bars_between():
    drawing = silhouette(examples.network(), "title")
    tops = [float(y) for y in re.findall(r'class="dense" x="[\d.]+" y="([\d.]+)"', drawing)]
    for curve in re.findall(r'class="arc" [^>]* d="M([^"]*)"', drawing):
        start, first, second, end = (
            tuple(map(float, point.split(","))) for point in re.split(r" C?", curve)
        )
        middle = (start[1] + 3 * first[1] + 3 * second[1] + end[1]) / 8
        assert 0 < middle < min(tops[0], start[1], end[1]) and start[0] < end[0]


def test_sizes_stand_where_there_is_room():
    drawing = silhouette(examples.network(), "title")
    assert ">32×32<" in drawing and ">16×16<" in drawing
    assert drawing.count("<span") == 4  # 32, 16, 8, and a last one without feature maps
