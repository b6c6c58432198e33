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


def test_sizes_stand_where_there_is_room():
    drawing = silhouette(examples.network(), "title")
    assert ">32×32<" in drawing and ">16×16<" in drawing
    assert drawing.count("<span") == 4  # 32, 16, 8, and a last one without feature maps
