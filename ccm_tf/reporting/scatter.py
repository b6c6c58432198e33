"""Accuracy against a cost: the networks of several runs, and the front of the best of them."""

import dataclasses
from collections.abc import Callable, Sequence

from ccm_tf.reporting.axes import Frame, Point, grid, joined, line, log_ticks, span, svg, word
from ccm_tf.reporting.comparison import pareto
from ccm_tf.reporting.markup import text

_SIZE = (360, 250)
# Colours of the page's style for runs; with as many signs as shapes, colours and shapes of
# neighbours differ, and no two of thirty runs look the same.
_COLOURS = 6
_RADIUS = 4.0
# Around a point, where its number may stand; in the drawing's units.
_PLACES = ((9, 4), (-9, 4), (9, -5), (-9, -5), (0, -8), (0, 16))

Shape = Callable[[float, float, float], str]


@dataclasses.dataclass(frozen=True)
class Trail:
    """The networks of one run.

    Attributes:
        name: Name of the run.
        points: Pairs of cost and accuracy, from the dense network to the last.
    """

    name: str
    points: Sequence[Point]


def _polygon(*corners: Point) -> Shape:
    def drawn(x: float, y: float, r: float) -> str:
        return f'<polygon points="{joined([(x + r * dx, y + r * dy) for dx, dy in corners])}"'

    return drawn


def _circle(x: float, y: float, r: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}"'


_SHAPES: tuple[Shape, ...] = (
    _circle,
    _polygon((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    _polygon((0, -1.2), (1.1, 0.8), (-1.1, 0.8)),
    _polygon((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    _polygon((0, 1.2), (1.1, -0.8), (-1.1, -0.8)),
)


def sign(number: int) -> str:
    """The sign of a run, for a legend."""
    shape = _sign(number, (8.0, 8.0), "dot", 5.5)
    return f'<svg class="sign scatter" viewBox="0 0 16 16" aria-hidden="true">{shape}</svg>'


def scatter_chart(
    title: str, trails: Sequence[Trail], x_title: str, x_shown: Callable[[float], str], floor: float
) -> str:
    """The picture.

    Args:
        title: For those who cannot see it.
        trails: The runs.
        x_title: Under the axis of costs, which is logarithmic.
        x_shown: How a cost is written.
        floor: Lowest accuracy to show; points below it are left out.

    Returns:
        An SVG drawing.
    """
    trails = [Trail(t.name, [p for p in t.points if p[1] >= floor]) for t in trails]
    points = [point for trail in trails for point in trail.points]
    frame = _frame(points)
    body = grid(frame, lambda y: f"{100 * y:.4g} %", x_title, log_ticks(*frame.x, most=5), x_shown)
    body.append(_front(frame, points))
    for number, trail in enumerate(trails):
        body += _trail(frame, number, trail)
    body += _numbers(frame, trails)
    return svg(body, title, _SIZE, "chart scatter")


def _frame(points: Sequence[Point]) -> Frame:
    costs, values = [p[0] for p in points], [p[1] for p in points]
    # Room beside the outermost points for their signs.
    return Frame((min(costs) / 1.15, max(costs) * 1.15), span(values), _SIZE, log_x=True)


def _front(frame: Frame, points: Sequence[Point]) -> str:
    """Steps: the best accuracy that there is up to a cost."""
    best = sorted({p for p, on_it in zip(points, pareto(points), strict=True) if on_it})
    corners, reached = [], frame.y[0]
    for cost, value in best:
        corners += [frame.at(cost, reached), frame.at(cost, value)]
        reached = value
    corners.append(frame.at(frame.x[1], reached))
    return f'<polyline class="front" points="{joined(corners)}"/>'


def _trail(frame: Frame, number: int, trail: Trail) -> list[str]:
    places = [frame.at(*point) for point in trail.points]
    style = f"trail c{number % _COLOURS}"
    body = [line(style, a, b) for a, b in zip(places, places[1:], strict=False) if a != b]
    body += [_sign(number, place, "early", _RADIUS * 0.7) for place in places[:-1]]
    if not places:
        return body
    said = f"<title>{text(trail.name)}: {100 * trail.points[-1][1]:.2f} %</title>"
    return [*body, f"<g>{said}{_sign(number, places[-1], 'dot', _RADIUS)}</g>"]


def _sign(number: int, place: Point, style: str, radius: float) -> str:
    shape = _SHAPES[number % len(_SHAPES)](*place, radius)
    return f'{shape} class="{style} c{number % _COLOURS}"/>'


def _numbers(frame: Frame, trails: Sequence[Trail]) -> list[str]:
    """The number of every run beside its last network, where it covers nothing."""
    taken = [_box(*frame.at(*point), 9, 9) for trail in trails for point in trail.points]
    taken = list(dict.fromkeys(taken))
    body = []
    for number, trail in enumerate(trails, start=1):
        if not trail.points:
            continue
        x, y = frame.at(*trail.points[-1])
        for dx, dy in _PLACES:
            box = _box(x + dx, y + dy - 4, 7.0 * len(str(number)), 11)
            inside = box[0] > 44 and box[2] < _SIZE[0] and 0 < box[1] and box[3] < _SIZE[1] - 31
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                body.append(word("word x", x + dx, y + dy, str(number)))
                break
    return body


def _box(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _meet(one: Sequence[float], other: Sequence[float]) -> bool:
    across = one[0] < other[2] and other[0] < one[2]
    return across and one[1] < other[3] and other[1] < one[3]
