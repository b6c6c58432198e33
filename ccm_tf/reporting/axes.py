"""Axes, lines and words of charts, as SVG coloured by the page's style."""

import dataclasses
import math
from collections.abc import Callable, Sequence

from ccm_tf.reporting.markup import text

# Sizes in the drawing's own units, about pixels on a phone.
LARGE, SMALL = (360, 210), (250, 160)
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 12, 31
# Nearer to the right edge than this, words end at their place instead of having it in the middle.
_NEAR = 30

Point = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Frame:
    """From data to the plane of the drawing.

    Attributes:
        x: First and last x of the data.
        y: Lowest and highest y of the grid.
        size: Width and height of the drawing.
        log_x: Whether x is drawn logarithmically.
    """

    x: Point
    y: Point
    size: tuple[int, int] = LARGE
    log_x: bool = False

    def at(self, x: float, y: float) -> Point:
        """Coordinates of a point."""
        first, last, x = map(math.log, (*self.x, x)) if self.log_x else (*self.x, x)
        across = (x - first) / ((last - first) or 1)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        return (
            _LEFT + across * (self.size[0] - _LEFT - _RIGHT),
            self.size[1] - _BOTTOM - up * (self.size[1] - _TOP - _BOTTOM),
        )


def ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round numbers from at most `low` to at least `high`."""
    span = (high - low) or abs(high) or 1.0
    power = 10 ** math.floor(math.log10(span / wanted))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= span / wanted * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, max(last, first + 1) + 1)]


def span(values: Sequence[float]) -> Point:
    """The range of an axis for some values: it begins and ends at a tick of its own."""
    low, high = min(values), max(values)
    while (low, high) != (ends := (ticks(low, high)[0], ticks(low, high)[-1])):
        low, high = ends
    return low, high


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between two positive ones, evenly spread on a logarithmic scale."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        inside = [m * 10**d for d in decades for m in steps if low <= m * 10**d <= high]
        if len(inside) > most:
            break
        found = inside
    return found or [low, high]


def grid(
    frame: Frame,
    y_shown: Callable[[float], str],
    x_title: str,
    x_ticks: Sequence[float] | None = None,
    x_shown: Callable[[float], str] = "{:.0f}".format,
) -> list[str]:
    """Horizontal lines with their values, and the x axis.

    Args:
        frame: The frame.
        y_shown: How a y value is written.
        x_title: Under the x axis.
        x_ticks: Where x is written; by default at whole numbers.
        x_shown: How an x value is written.
    """
    body = []
    for value in ticks(*frame.y):
        left, y = frame.at(frame.x[0], value)
        right, _ = frame.at(frame.x[1], value)
        body.append(line("grid", (left, y), (right, y)))
        body.append(word("y", left - 6, y + 3.5, y_shown(value)))
    if x_ticks is None:
        x_ticks = [t for t in ticks(*frame.x) if frame.x[0] <= t <= frame.x[1] and t == int(t)]
    for value in x_ticks:
        x, y = frame.at(value, frame.y[0])
        style, shift = ("end", _RIGHT / 2) if x > frame.size[0] - _NEAR else ("x", 0)
        body.append(word(style, x + shift, y + 14, x_shown(value)))
    middle = (_LEFT + frame.size[0] - _RIGHT) / 2
    body.append(word("x", middle, frame.size[1] - 4, x_title))
    return body


def mark(frame: Frame, x: float, said: str) -> list[str]:
    """A dashed line across the chart at an x, with a word beside it."""
    across, bottom = frame.at(x, frame.y[0])
    _, top = frame.at(x, frame.y[1])
    right = across > frame.size[0] * 0.6
    kind, gap = ("word end", -4) if right else ("word", 4)
    return [
        line("mark", (across, top), (across, bottom)),
        word(kind, across + gap, bottom - 6, said),
    ]


def line(style: str, start: Point, end: Point) -> str:
    """A straight line."""
    (x1, y1), (x2, y2) = start, end
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def polyline(style: str, corners: Sequence[Point]) -> str:
    """A line through points; a dot if there is only one."""
    if len(corners) == 1:
        ((x, y),) = corners
        return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
    return f'<polyline class="{style}" points="{joined(corners)}"/>'


def word(style: str, x: float, y: float, said: str) -> str:
    """Some words."""
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{text(said)}</text>'


def joined(corners: Sequence[Point]) -> str:
    """Points as SVG writes them."""
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def svg(body: Sequence[str], title: str, size: tuple[int, int], kind: str = "chart") -> str:
    """The drawing, with a title for those who cannot see it."""
    width, height = size
    return (
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{text(title)}</title>{''.join(body)}</svg>"
    )
