"""Labels beside the lines they name, moved apart until none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation

from chargen.report.style import MUTED, PAPER

GAP = 1.5
AWAY = 8
POINTS = 72


@dataclass(frozen=True)
class Label:
    """A text for the point (x, y), in the units of the axes."""

    x: float
    y: float
    text: str
    color: str


def beside(axes: Axes, labels: Sequence[Label], size: float = 9) -> list[Annotation]:
    """Write each label to the right of its point.

    Each is moved up or down as little as it takes for none to cover another and all to stay
    beside the axes; one that had to move far is tied to its point by a thin line. Nothing may be
    drawn into the axes afterwards that changes their limits.
    """
    figure = axes.get_figure(root=True)
    if not labels or figure is None:
        return []
    # Limits that are still open are settled by being asked for.
    axes.get_xlim(), axes.get_ylim()
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    unit = figure.dpi / POINTS
    texts = [
        axes.annotate(
            label.text,
            (label.x, label.y),
            xytext=(AWAY, 0),
            textcoords="offset points",
            va="center",
            fontsize=size,
            color=label.color,
            linespacing=1.15,
            annotation_clip=False,
            bbox={"facecolor": PAPER.light, "edgecolor": "none", "pad": 0.4},
        )
        for label in labels
    ]
    boxes = [text.get_window_extent(renderer) for text in texts]
    wanted = [(box.y0 + box.y1) / 2 for box in boxes]
    heights = [box.height + GAP * unit for box in boxes]
    frame = axes.get_window_extent(renderer)
    for text, box, before, after in zip(
        texts, boxes, wanted, apart(wanted, heights, frame.y0 + 2 * unit, frame.y1), strict=True
    ):
        moved = after - before
        text.set_position((AWAY, moved / unit))
        if abs(moved) > box.height / 2:
            text.set_position((14, moved / unit))
            text.arrow_patch = None
            axes.annotate(
                "",
                (text.xy[0], text.xy[1]),
                xytext=(13, moved / unit),
                textcoords="offset points",
                annotation_clip=False,
                arrowprops={
                    "arrowstyle": "-",
                    "color": MUTED.light,
                    "linewidth": 0.6,
                    "shrinkA": 0,
                    "shrinkB": 4,
                },
            )
    return texts


def apart(
    wanted: Sequence[float], heights: Sequence[float], lowest: float, highest: float
) -> list[float]:
    """The middles nearest to the wanted ones at which boxes of these heights do not overlap.

    Boxes keep their order. Those that would overlap become one stack around the mean of what they
    want; stacks that meet become one (pool adjacent violators). All stay between lowest and
    highest where they fit there; a stack too high for that starts at the bottom.
    """
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    stacks: list[tuple[list[int], float, float]] = []  # members, height, middle
    for place in order:
        members, height, middle = [place], heights[place], wanted[place]
        middle = _within(middle, height, lowest, highest)
        while stacks and stacks[-1][2] + stacks[-1][1] / 2 > middle - height / 2:
            before, below, center = stacks.pop()
            middle = (center * len(before) + middle * len(members)) / (len(before) + len(members))
            members, height = before + members, below + height
            middle = _within(middle, height, lowest, highest)
        stacks.append((members, height, middle))
    middles = [0.0] * len(wanted)
    for members, height, middle in stacks:
        bottom = middle - height / 2
        for place in members:
            middles[place] = bottom + heights[place] / 2
            bottom += heights[place]
    return middles


def _within(middle: float, height: float, lowest: float, highest: float) -> float:
    return max(min(middle, highest - height / 2), lowest + height / 2)
