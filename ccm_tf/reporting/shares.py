"""Cumulative shares: how few channels hold most of a layer's scores, and where the cut is."""

from collections.abc import Sequence

from ccm_tf.reporting.axes import SMALL, Frame, grid, joined, mark, polyline, svg
from ccm_tf.reporting.markup import figure


def share_chart(title: str, scores: Sequence[float], kept: int, width: int) -> str:
    """Cumulative share of sorted scores, with the cut.

    Args:
        title: Above the chart.
        scores: Scores of the channels, highest first.
        kept: Channels that stay.
        width: Channels that there were.

    Returns:
        An HTML `figure`.
    """
    total, running = sum(scores) or 1.0, 0.0
    points = [(0.0, 0.0)]
    for position, score in enumerate(scores, start=1):
        running += score
        points.append((float(position), running / total))
    frame = Frame((0.0, float(max(width, 1))), (0.0, 1.0), SMALL)
    body = grid(frame, lambda y: f"{100 * y:.0f} %", "channels", x_ticks=[0, width])
    inside = [p for p in points if p[0] <= kept]
    corners = [frame.at(*p) for p in inside] + [frame.at(inside[-1][0], 0), frame.at(0, 0)]
    body.append(f'<polygon class="area" points="{joined(corners)}"/>')
    body.append(polyline("a", [frame.at(*p) for p in points]))
    body += mark(frame, kept, f"{kept} stay")
    share = f"{100 * inside[-1][1]:.0f} %"
    said = f"{title}: {kept} of {width} channels stay and hold {share} of the scores"
    return figure(title, svg(body, said, frame.size))
