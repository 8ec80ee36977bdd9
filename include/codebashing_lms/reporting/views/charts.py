"""Pictures as inline SVG: shapes only, stretched to any width. All text is HTML beside the picture.

Colours are classes of the style sheet, so that light and dark, page and report may differ.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from markupsafe import Markup

WIDTH, HEIGHT = 1000, 240
NOTHING = Markup("")


@dataclass(frozen=True)
class Layer:
    """One colour of a picture: a label for the legend, its class, a value for each instant or column."""

    label: str
    colour: str
    values: Sequence[float]


@dataclass(frozen=True)
class Chart:
    """A picture with its texts; `summary` describes the picture for people who cannot see it.

    :param marks: labels at the left, from top to bottom.
    :param days: first, middle and last instant; none for columns, which have labels.
    """

    svg: Markup
    marks: tuple[str, ...]
    days: tuple[datetime, ...]
    layers: tuple[Layer, ...]
    summary: str
    columns: tuple[str, ...] = ()


def areas(times: Sequence[datetime], layers: Sequence[Layer], summary: str) -> Chart:
    """Stack layers over time; a single instant fills the width."""
    sums = map(sum, zip(*(one.values for one in layers), strict=True))
    highest, xs, below = nice(max(sums, default=0)), _positions(times), [0.0] * len(times)
    shapes = NOTHING
    for layer in layers:
        above = [one + value for one, value in zip(below, layer.values, strict=True)]
        edge = _points(xs, above, highest) + list(reversed(_points(xs, below, highest)))
        shapes += _polygon(edge, layer.colour)
        below = above
    return Chart(_svg(shapes), _marks(highest), _days(times), tuple(layers), summary)


def columns(labels: Sequence[str], layer: Layer, summary: str, colours: Sequence[str] = ()) -> Chart:
    """Draw a column for each label."""
    highest = nice(max(layer.values, default=0))
    step, shapes = WIDTH / max(len(labels), 1), NOTHING
    for at, value in enumerate(layer.values):
        height = HEIGHT * value / highest
        colour = colours[at] if colours else layer.colour
        shapes += _rect(at * step + step * 0.12, HEIGHT - height, step * 0.76, height, colour)
    return Chart(_svg(shapes), _marks(highest), (), (layer,), summary, tuple(labels))


def bar(parts: Sequence[tuple[str, float]], whole: float | None = None) -> Markup:
    """Return one horizontal bar of colours and values.

    :param whole: the value of the full width, where it is not the sum of the values.
    """
    total = whole or sum(value for _, value in parts)
    shapes, at = NOTHING, 0.0
    for colour, value in parts if total else ():
        width = WIDTH * value / total
        shapes += _rect(at, 0, width, 20, colour)
        at += width
    return Markup('<svg class="bar" viewBox="0 0 {} 20" preserveAspectRatio="none" aria-hidden="true">{}</svg>').format(
        WIDTH, shapes
    )


def nice(highest: float) -> int:
    """Return a round number at or above a value; its half is round, too."""
    rounds: Iterator[int] = (step * 10**power for power in count() for step in (2, 4, 6, 8, 10))
    return next(value for value in rounds if value >= highest)


def _positions(times: Sequence[datetime]) -> list[float]:
    """Return the x positions of instants; a single instant has both ends."""
    if len(times) == 1:
        return [0.0, float(WIDTH)]
    span = (times[-1] - times[0]).total_seconds() if times else 0
    return [WIDTH * (one - times[0]).total_seconds() / span if span else 0.0 for one in times]


def _points(xs: Sequence[float], values: Sequence[float], highest: float) -> list[tuple[float, float]]:
    spread = list(values) * 2 if len(values) == 1 else values
    return [(x, HEIGHT - HEIGHT * value / highest) for x, value in zip(xs, spread, strict=True)]


def _polygon(points: Sequence[tuple[float, float]], colour: str) -> Markup:
    at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup('<polygon class="{}" points="{}"/>').format(colour, at)


def _rect(x: float, y: float, width: float, height: float, colour: str) -> Markup:
    return Markup('<rect class="{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>').format(
        colour, x, y, max(width, 0), max(height, 0)
    )


def _svg(shapes: Markup) -> Markup:
    line = Markup('<line class="grid" x1="0" x2="{0}" y1="{1}" y2="{1}"/>')
    grid = NOTHING.join(line.format(WIDTH, y) for y in (0, HEIGHT // 2, HEIGHT))
    return Markup(
        '<svg class="plot" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(WIDTH, HEIGHT, grid + shapes)


def _marks(highest: float) -> tuple[str, ...]:
    return tuple(f"{value:,.0f}" for value in (highest, highest / 2, 0))


def _days(times: Sequence[datetime]) -> tuple[datetime, ...]:
    if len(times) < 3:
        return tuple(times)
    return times[0], times[0] + (times[-1] - times[0]) / 2, times[-1]
