"""Labels to the right of a plot, one for each line, that never overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

DISTANCE = 14  # points between the plot and its labels
SPACING = 14  # points between two labels


@dataclass(frozen=True)
class Label:
    """A label for the line that ends at (x, y) in the units of the axes."""

    x: float
    y: float
    text: str
    color: str


def draw_labels(figure: Figure, labels: Sequence[Label]) -> None:
    """Write the labels outside the plot, as close as possible to the ends of their lines.

    A thin line connects each label to that end. Call this last: it uses the limits of the axes.
    """
    axes = figure.axes[0]
    axes.get_xlim(), axes.get_ylim()  # fixes limits that are still automatic
    box = axes.get_position()
    to_figure = axes.transData + figure.transFigure.inverted()
    across, up = 1 / 72 / figure.get_size_inches()
    left = box.x1 + DISTANCE * across
    ends = [to_figure.transform((label.x, label.y)) for label in labels]
    heights = [min(max(float(y), box.y0), box.y1) for _, y in ends]
    places = spread_out(heights, SPACING * up, box.y0, box.y1)
    for label, (x, _), height, place in zip(labels, ends, heights, places, strict=True):
        figure.text(left, place, label.text, color=label.color, va="center_baseline")
        path = [float(x) + 4 * across, box.x1 + 4 * across, left - 2 * across]
        connector = Line2D(path, [height, height, place], color=label.color, lw=0.6, alpha=0.6)
        figure.add_artist(connector)


def spread_out(wanted: Sequence[float], spacing: float, low: float, high: float) -> list[float]:
    """Return places near the wanted ones that are at least `spacing` apart, in the same order.

    Colliding places move by the same distance. All are above low, and below high if they fit.
    """
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    upwards = [wanted[member] for member in order]
    downwards = upwards.copy()
    for place in range(1, len(order)):
        upwards[place] = max(upwards[place], upwards[place - 1] + spacing)
        downwards[-place - 1] = min(downwards[-place - 1], downwards[-place] - spacing)
    # The mean of two sequences with this spacing has the same spacing.
    places = [(one + other) / 2 for one, other in zip(upwards, downwards, strict=True)]
    for place in reversed(range(len(places))):
        places[place] = min(places[place], high - (len(places) - 1 - place) * spacing)
    for place in range(len(places)):
        places[place] = max(places[place], low + place * spacing)
    return [place for _, place in sorted(zip(order, places, strict=True))]
