"""Tests of figures: no text covers another, and no text is interpreted as mathematics."""

from itertools import combinations, pairwise

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from chargen.comparison.result import Comparison
from chargen.report.charts import SETTINGS
from chargen.report.labels import spread_out
from chargen.report.sections import sections
from chargen.report.theme import SERIES, styles
from tests.example_comparison import TASKS, make_comparison

EXAMPLE = make_comparison()
with mpl.rc_context(SETTINGS):
    FIGURES = {
        section.name: section.figure
        for section in sections(EXAMPLE, styles(EXAMPLE))
        if section.figure is not None
    }
EACH = pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)


def texts(figure: Figure) -> list[Text]:
    """Return every text that is drawn."""
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    # Ticks beyond the ends of an axis exist but are not drawn.
    beyond = {
        tick.label1
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        if not min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    }
    found = [one for one in figure.findobj(Text) if isinstance(one, Text) and one not in beyond]
    return [one for one in found if one.get_visible() and one.get_text().strip()]


@EACH
def test_no_text_covers_another(figure: Figure) -> None:
    """Labels, ticks, titles and notes are apart and within the figure."""
    boxes = [(one.get_text(), one.get_window_extent()) for one in texts(figure)]
    assert boxes
    for (first, box), (second, other) in combinations(boxes, 2):
        across = min(box.x1, other.x1) - max(box.x0, other.x0)
        up = min(box.y1, other.y1) - max(box.y0, other.y0)
        assert across <= 0 or up <= 0, (first, second)
    for text, box in boxes:
        assert min(box.x0, box.y0) >= 0, text
        assert box.x1 <= figure.bbox.x1, text
        assert box.y1 <= figure.bbox.y1, text


@EACH
def test_labels_are_outside_the_plot(figure: Figure) -> None:
    """The names of the networks cover no line."""
    for one in texts(figure):
        if one in figure.texts[1:]:
            plot = figure.axes[0].get_window_extent()
            assert one.get_window_extent().x0 > plot.x1


@EACH
def test_each_network_has_its_colour_and_marker(figure: Figure) -> None:
    """A line in the colour of a network has its marker, a ring, or none."""
    markers = {role.light: {marker, "None", "o"} for role, marker in SERIES}
    for axes in figure.axes:
        for line in axes.lines:
            assert line.get_marker() in markers.get(str(line.get_color()), {"None", ""})


def test_main_figure() -> None:
    """The main figure shows the first available of recall, another task, the context, the loss."""
    for tasks, main in ((TASKS, "task-recall"), (("nesting",), "task-nesting"), ((), "context")):
        comparison = make_comparison(tasks=tasks)
        assert sections(comparison, styles(comparison))[0].name == main


def test_dollars_are_not_mathematics(written: dict[str, bytes]) -> None:
    """A dollar sign in a name is printed, and ticks are plain characters."""
    assert b"wild $x$ &lt;b&gt;" in written["figures/task-context-calibration.svg"]
    for name, content in written.items():
        assert not name.endswith(".svg") or b"mathdefault" not in content


def test_styles_follow_the_order_of_the_networks(comparison: Comparison) -> None:
    """No style depends on a name."""
    found = styles(comparison).values()
    assert [style.role for style in found] == [role for role, _ in SERIES[: len(found)]]


@given(st.lists(st.floats(-50, 150), max_size=8))
def test_labels_are_spread_out(wanted: list[float]) -> None:
    """Labels keep their order, do not overlap, and stay within the height of the plot."""
    places = spread_out(wanted, 10, 0, 100)
    ordered = sorted(range(len(wanted)), key=lambda place: wanted[place])
    close = 1e-9  # rounding of sums of eight numbers up to 150
    for low, high in pairwise(ordered):
        assert places[high] - places[low] >= 10 - close
    assert all(-close <= place <= 100 + close for place in places)


@pytest.mark.parametrize(
    ("wanted", "places"), [([10, 30, 50], [10, 30, 50]), ([50, 50], [45, 55]), ([], [])]
)
def test_labels_move_as_little_as_needed(wanted: list[float], places: list[float]) -> None:
    """Labels that do not collide stay, and two that do move by the same distance."""
    assert spread_out(wanted, 10, 0, 100) == places
