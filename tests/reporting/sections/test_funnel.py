import re

from ccm_tf.reporting.sections.funnel import funnel
from tests.reporting import examples


def widths(page):
    """Widths of the bars, row by row."""
    rows = page.split("<tbody>")[1].split("</tr>")[:-1]
    return [[float(w) for w in re.findall(r'style="width:([\d.]+)%"', row)] for row in rows]


def test_bars_are_shares_of_the_dense_network():
    page = funnel(examples.content())
    assert "From dense to int8 file" in page
    dense, pruned, *_, int8 = widths(page)
    assert dense == [98.0, 100, 100, 100, 100]
    assert pruned[0] == 41.5 and pruned[2] == 24.9
    assert int8[3] == 5.0 and int8[4] == 16.1
    assert "−95.0 %" in page


def test_says_how_and_what_came_right_after_the_cut():
    page = funnel(examples.content())
    assert "Accuracy: test images; file size: file; latency: one thread." in page
    assert "right after the cut accuracy was 10.00 %" in page


def test_says_when_removed_channels_were_folded():
    run = examples.values()["run"]
    run["flags"]["fold"] = "least_squares"
    page = funnel(examples.content(run=run))
    assert "“Pruned” is after folding removed channels into the next layers" in page


def test_without_labels_there_is_no_accuracy():
    rows = [{**row, "accuracy": None} for row in examples.stages()]
    page = funnel(examples.content(rows, how={}, sliced={"accuracy": None}))
    assert "accuracy" not in page and "MACs" in page


def test_an_unknown_figure_is_a_dash():
    rows = examples.stages()
    rows[-1]["bytes"] = None
    assert "–" in funnel(examples.content(rows))
