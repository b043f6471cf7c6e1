"""Figures: one look a cell everywhere, and no text on top of another."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from chargen.records import Comparison, Interval
from chargen.report.figures import loss, memory, tasks
from chargen.report.figures.labels import apart
from chargen.report.style import LOOKS, looks

Draw = Callable[[Comparison, bool], Figure]


def of_task(name: str, draw: Callable[..., Figure], **more: str) -> Draw:
    """A task's figure, drawn from the whole comparison."""
    return lambda whole, narrow: draw(whole.tasks[name], looks(whole), narrow, **more)


FIGURES: dict[str, Draw] = {
    "loss": loss.loss,
    "sweep": loss.sweep,
    "window": loss.window,
    "context": memory.context,
    "gradient": memory.gradient,
    "closers": memory.closers,
    "rhyme": memory.rhyme,
    "accuracy": of_task("recall", tasks.accuracy),
    "main": of_task("recall", tasks.accuracy, heading="How far back does each remember?"),
    "calibration": of_task("context", tasks.calibration),
    "depth": of_task("nesting", tasks.depth),
}
EACH = pytest.mark.parametrize("name", FIGURES)
BOTH = pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])


def texts(figure: Figure) -> list[Text]:
    """Every text that is drawn."""
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    # Ticks beyond the ends of an axis exist and are not drawn.
    beyond = {
        tick.label1
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    return [
        one
        for one in figure.findobj(Text)
        if isinstance(one, Text)
        and one not in beyond
        and one.get_visible()
        and one.get_text().strip()
    ]


@EACH
@BOTH
def test_no_text_covers_another(comparison: Comparison, name: str, narrow: bool) -> None:
    """Labels, ticks, titles and notes keep apart, and all are within the picture."""
    figure = FIGURES[name](comparison, narrow)
    boxes = [(one.get_text(), one.get_window_extent()) for one in texts(figure)]
    assert boxes
    for (first, box), (second, other) in combinations(boxes, 2):
        across = min(box.x1, other.x1) - max(box.x0, other.x0)
        up = min(box.y1, other.y1) - max(box.y0, other.y0)
        assert across <= 0 or up <= 0, (first, second)
    for said, box in boxes:
        assert box.x0 >= 0, said
        assert box.x1 <= figure.bbox.x1, said
        assert box.y0 >= 0, said
        assert box.y1 <= figure.bbox.y1, said


@EACH
def test_texts_are_large_enough_for_a_phone(comparison: Comparison, name: str) -> None:
    """On a page of 320 pixels' width the smallest is 11 pixels high."""
    figure = FIGURES[name](comparison, True)
    scale = 320 / (figure.get_figwidth() * 72)
    assert min(float(one.get_fontsize()) for one in texts(figure)) * scale >= 11


@EACH
def test_each_cell_has_its_colour_and_its_mark(comparison: Comparison, name: str) -> None:
    """A line in a cell's colour carries that cell's marker or none, in every figure."""
    marks = {look.color: {look.marker, "None", "o"} for look in LOOKS.values()}
    for axes in FIGURES[name](comparison, False).axes:
        for line in axes.lines:
            assert line.get_marker() in marks.get(str(line.get_color()), {"None", "|"})


def test_lines_that_end_together_are_still_named_apart(comparison: Comparison) -> None:
    """Four networks that all end at chance have four labels in four places."""
    recall = comparison.tasks["recall"]
    same = {25: Interval(0.2, 0.1, 0.3, 100), 50: Interval(0.2, 0.1, 0.3, 100)}
    cells = {name: replace(cell, accuracy=same, span=0) for name, cell in recall.cells.items()}
    task = replace(recall, cells=cells, lags=(25, 50))
    for narrow in (False, True):
        figure = tasks.accuracy(task, looks(comparison), narrow)
        boxes = [
            one.get_window_extent()
            for one in texts(figure)
            if one.get_text().split(" ")[0] in {look.label for look in LOOKS.values()}
        ]
        assert len(boxes) == 4
        ordered = sorted(boxes, key=lambda box: box.y0)
        assert all(low.y1 <= high.y0 for low, high in pairwise(ordered))


def test_a_figure_needs_no_text_in_the_notation_of_tex(written: dict[str, bytes]) -> None:
    """A dollar in a name is a dollar, and ticks are plain characters."""
    assert b"wild $x$ &lt;b&gt;" in written["figures/task-context-calibration.svg"]
    for name, content in written.items():
        assert not name.endswith(".svg") or b"mathdefault" not in content


@given(
    st.lists(st.tuples(st.floats(-50, 150), st.floats(1, 15)), max_size=8),
)
def test_boxes_are_moved_apart(places: list[tuple[float, float]]) -> None:
    """None overlaps, their order stays, and where they fit they stay between the ends."""
    wanted, heights = [place for place, _ in places], [height for _, height in places]
    middles = apart(wanted, heights, 0, 150)
    order = sorted(range(len(places)), key=lambda place: wanted[place])
    # A sum of eight numbers up to 150 in float64.
    close = 1e-9
    for low, high in pairwise(order):
        assert middles[high] - middles[low] >= (heights[high] + heights[low]) / 2 - close
    if sum(heights) <= 150:
        for middle, height in zip(middles, heights, strict=True):
            assert -close <= middle - height / 2
            assert middle + height / 2 <= 150 + close


def test_boxes_that_do_not_overlap_stay_where_they_are() -> None:
    """Nothing is moved without need."""
    assert apart([10, 30, 50], [5, 5, 5], 0, 100) == [10, 30, 50]


def test_boxes_move_as_little_as_they_can() -> None:
    """Two that want the same place share the way."""
    assert apart([50, 50], [10, 10], 0, 100) == [45, 55]


def test_nothing_to_label_is_no_error(build: Callable[..., Comparison]) -> None:
    """A figure of no cells is empty axes."""
    empty = build((), ())
    for draw in (loss.loss, loss.sweep, memory.context, memory.gradient, memory.closers):
        assert partial(draw, empty)(False).axes
