"""Line charts as SVG, coloured by the page's style."""

import dataclasses
import html
import math
from collections.abc import Callable, Sequence

_LARGE, _SMALL = (360, 210), (250, 160)
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 12, 26


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
    points: Sequence[tuple[float, float]]
    style: str = "a"
    last: str = ""


@dataclasses.dataclass(frozen=True)
class Frame:
    """From data to the plane of the drawing.

    Attributes:
        x: First and last x of the data.
        y: Lowest and highest y of the grid.
        size: Width and height of the drawing.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    size: tuple[int, int] = _LARGE

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Coordinates of a point."""
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        return (
            _LEFT + across * (self.size[0] - _LEFT - _RIGHT),
            self.size[1] - _BOTTOM - up * (self.size[1] - _TOP - _BOTTOM),
        )


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
    frame = _frame([point for line in series for point in line.points])
    body = _grid(frame, shown, x_title)
    for line in sorted(series, key=lambda line: line.style != "faint"):
        body.append(_path(line, frame))
    for x, word in marks:
        body += _mark(frame, x, word)
    legend = "".join(
        f'<span class="key {line.style}">{html.escape(line.name)} '
        f"<b>{html.escape(line.last)}</b></span>"
        for line in series
        if line.name
    )
    return (
        f'<figure><figcaption>{html.escape(title)}<span class="legend">{legend}</span>'
        f"</figcaption>{_svg(body, title, frame)}</figure>"
    )


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
    frame = Frame((0.0, float(max(width, 1))), (0.0, 1.0), _SMALL)
    body = _grid(frame, lambda y: f"{100 * y:.0f} %", "channels", x_ticks=[0, width])
    inside = [p for p in points if p[0] <= kept]
    corners = [frame.at(*p) for p in inside] + [frame.at(inside[-1][0], 0), frame.at(0, 0)]
    body.append(f'<polygon class="area" points="{_joined(corners)}"/>')
    body.append(_path(Series("", points), frame))
    body += _mark(frame, kept, f"{kept} stay")
    return (
        f"<figure><figcaption>{html.escape(title)}</figcaption>{_svg(body, title, frame)}</figure>"
    )


def ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round numbers from at most `low` to at least `high`."""
    span = (high - low) or abs(high) or 1.0
    power = 10 ** math.floor(math.log10(span / wanted))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= span / wanted * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, max(last, first + 1) + 1)]


def _frame(points: Sequence[tuple[float, float]]) -> Frame:
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    rows = ticks(min(ys), max(ys))
    return Frame((min(xs), max(xs)), (rows[0], rows[-1]))


def _grid(
    frame: Frame,
    shown: Callable[[float], str],
    x_title: str,
    x_ticks: Sequence[float] | None = None,
) -> list[str]:
    body = []
    for value in ticks(*frame.y):
        left, y = frame.at(frame.x[0], value)
        right, _ = frame.at(frame.x[1], value)
        body.append(_line("grid", (left, y), (right, y)))
        body.append(f'<text class="y" x="{left - 6:.1f}" y="{y + 3.5:.1f}">{shown(value)}</text>')
    inside = [t for t in ticks(*frame.x) if frame.x[0] <= t <= frame.x[1] and t == int(t)]
    for value in inside if x_ticks is None else x_ticks:
        x, y = frame.at(value, frame.y[0])
        body.append(f'<text class="x" x="{x:.1f}" y="{y + 15:.1f}">{value:.0f}</text>')
    middle, word = (_LEFT + frame.size[0] - _RIGHT) / 2, html.escape(x_title)
    body.append(f'<text class="x" x="{middle:.1f}" y="{frame.size[1] - 1}">{word}</text>')
    return body


def _path(line: Series, frame: Frame) -> str:
    corners = [frame.at(*p) for p in line.points]
    if len(corners) == 1:
        ((x, y),) = corners
        return f'<circle class="{line.style}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
    return f'<polyline class="{line.style}" points="{_joined(corners)}"/>'


def _mark(frame: Frame, x: float, word: str) -> list[str]:
    across, bottom = frame.at(x, frame.y[0])
    _, top = frame.at(x, frame.y[1])
    right = across > frame.size[0] * 0.6
    anchor, gap = ("end", -4) if right else ("start", 4)
    return [
        _line("mark", (across, top), (across, bottom)),
        f'<text class="word" text-anchor="{anchor}" x="{across + gap:.1f}" y="{bottom - 6:.1f}">'
        f"{html.escape(word)}</text>",
    ]


def _line(style: str, start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _joined(corners: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def _svg(body: Sequence[str], title: str, frame: Frame) -> str:
    width, height = frame.size
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(title)}">'
        f"{''.join(body)}</svg>"
    )
