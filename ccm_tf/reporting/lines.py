"""Line charts: values over the epochs of a training."""

import dataclasses
from collections.abc import Callable, Sequence

from ccm_tf.reporting.axes import Frame, Point, grid, mark, polyline, span, svg
from ccm_tf.reporting.markup import figure, text


@dataclasses.dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        name: For the legend; empty for lines that need none.
        points: Pairs of x and y.
        style: CSS class: "a", "b" or "faint".
        last: The last value as text, for the legend.
    """

    name: str
    points: Sequence[Point]
    style: str = "a"
    last: str = ""


def line_chart(
    title: str,
    series: Sequence[Series],
    shown: Callable[[float], str],
    x_title: str,
    marks: Sequence[tuple[float, str]] = (),
) -> str:
    """A figure with a title, a legend and lines.

    Args:
        title: Above the chart.
        series: The lines; faint ones are drawn first.
        shown: How a y value is written on the axis.
        x_title: Under the x axis.
        marks: Pairs of an x at which a dashed line stands and the word beside it.

    Returns:
        An HTML `figure`.
    """
    frame = _frame([point for one in series for point in one.points])
    body = grid(frame, shown, x_title)
    for one in sorted(series, key=lambda one: one.style != "faint"):
        body.append(polyline(one.style, [frame.at(*p) for p in one.points]))
    for x, said in marks:
        body += mark(frame, x, said)
    named = [one for one in series if one.name]
    legend = "".join(
        f'<span class="key {one.style}">{text(one.name)} <b>{text(one.last)}</b></span>'
        for one in named
    )
    said = ", ".join(f"{one.name} ends at {one.last}" for one in named)
    return figure(title, svg(body, f"{title} by {x_title}: {said}", frame.size), legend)


def _frame(points: Sequence[Point]) -> Frame:
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return Frame((min(xs), max(xs)), span(ys))
