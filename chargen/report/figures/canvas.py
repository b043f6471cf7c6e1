"""Sheets to draw on, and what they become: PNG, SVG, and SVG that takes on the page's colours.

No state is shared with pyplot: figures are made and rendered by themselves.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable
from typing import Any, TypeVar

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from chargen.report.style import GRID, INK, MUTED, PAPER, roles

Number = TypeVar("Number", int, float)

FONT = "DejaVu Sans"
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
WIDE, NARROW = 7.0, 3.42
SETTINGS: dict[Any, Any] = {
    "font.family": [FONT],
    "font.size": 9,
    "text.parse_math": False,
    "text.color": INK.light,
    "axes.edgecolor": GRID.light,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED.light,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "axes.formatter.use_mathtext": False,
    "figure.facecolor": PAPER.light,
    "xtick.color": MUTED.light,
    "ytick.color": MUTED.light,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "svg.fonttype": "none",
}
styled = mpl.rc_context(SETTINGS)  # decorates whatever draws


def sheet(
    narrow: bool,
    panels: int = 1,
    height: float = 2.5,
    left: float = 0.5,
    right: float = 1.0,
    widths: tuple[float, ...] = (),
    top: float = 0.5,
    bottom: float = 0.5,
    head: float = 0.0,
) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels: side by side, or one above another where it is narrow.

    height: of a panel's axes; left, right, top, bottom: room around each panel's axes, in
    inches. widths: the panels' shares of the width where they stand side by side. head: room over
    all of them.
    """
    width = NARROW if narrow else WIDE
    rows = panels if narrow else 1
    full = rows * (height + top + bottom) + head
    figure = Figure(figsize=(width, full))
    shares = (1.0,) * panels if narrow or not widths else widths
    axes = []
    start = 0.0
    for panel in range(panels):
        room = width if narrow else width * shares[panel] / sum(shares)
        across = 0.0 if narrow else start
        up = full - head - (panel + 1) * (height + top + bottom) if narrow else 0.0
        box = (
            (across + left) / width,
            (up + bottom) / full,
            (room - left - right) / width,
            height / full,
        )
        axes.append(figure.add_axes(box))
        start += room
    return figure, axes


def dress(axes: Axes, title: str, across: str, grid: str = "y", lift: float = 8) -> None:
    """Give axes their title (what stands upwards, with its unit) and what stands across.

    lift: how far above the axes the title stands, in points.
    """
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(MUTED.light)
    axes.grid(axis=grid, color=GRID.light, linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", length=0, pad=4)
    axes.tick_params(axis="x", which="major", length=3, color=MUTED.light)
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel(across, labelpad=4)
    figure = axes.get_figure(root=True)
    left = axes.get_position().x0 * figure.get_figwidth() if figure is not None else 0.0
    # Titles begin where the tick labels begin, so that a long one fits over a narrow panel.
    back = min(left, 0.42) * 72
    axes.annotate(
        title,
        (0, 1),
        xytext=(-back, lift),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9,
        color=INK.light,
        fontweight="bold",
        va="bottom",
    )


def doubling(axes: Axes, values: Iterable[int], room: int = 9) -> None:
    """A scale across on which each doubling is as long, with a tick at the values that fit."""
    ordered = sorted({value for value in values if value > 0})
    axes.set_xscale("log", base=2)
    axes.minorticks_off()
    shown = thinned(ordered, room)
    axes.set_xticks(shown, [f"{value:,}" for value in shown])


def decades(axis: Axis) -> None:
    """Ticks at powers of ten, written so that no renderer needs mathematics for them."""
    axis.set_major_locator(LogLocator(base=10, numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda number, _: _decade(number)))
    axis.set_minor_locator(NullLocator())


def _decade(number: float) -> str:
    exponent = round(math.log10(number)) if number > 0 else 0
    if -3 < exponent < 4:
        return f"{10.0**exponent:,g}"
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def thinned(values: list[Number], room: int) -> list[Number]:
    """At most so many of the values, evenly, the last of them among these."""
    if not values:
        return []
    step = math.ceil(len(values) / room)
    return values[::-1][::step][::-1]


def png(figure: Figure, dots: int = 200) -> bytes:
    """The figure as a picture with so many dots an inch."""
    buffer = io.BytesIO()
    with mpl.rc_context(SETTINGS):
        FigureCanvasAgg(figure)
        figure.savefig(buffer, format="png", dpi=dots, metadata={"Software": None})
    return buffer.getvalue()


def svg(figure: Figure, name: str) -> str:
    """The figure as an SVG of its own, in the colours for white paper.

    name: what every id in it begins with, so that ids stay unique where figures share a page.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with mpl.rc_context({**SETTINGS, "svg.hashsalt": name}):
        FigureCanvasSVG(figure)
        figure.savefig(buffer, format="svg", metadata=nothing)
    text = buffer.getvalue().replace(f"'{FONT}'", FONTS)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    return re.sub(r'xlink:href="#([^"]+)"', rf'xlink:href="#{name}-\1"', text)


def inline(figure: Figure, name: str, said: str, kind: str) -> str:
    """The figure as an element of the page, in the page's colours and as wide as its place.

    said: what it shows, for who cannot see it, without markup; kind: its class in CSS.
    """
    text = svg(figure, name)
    text = text[text.index("<svg") :]
    box = re.search(r'viewBox="([^"]+)"', text)
    if box is None:
        raise AssertionError("matplotlib writes a viewBox")
    body = text[text.index(">") + 1 :].replace("xlink:href", "href")
    for role in roles():
        body = body.replace(role.light, f"var({role.variable})")
    head = f'<svg class="{kind}" viewBox="{box[1]}" role="img" aria-label="{said}">'
    return head + re.sub(r"\n\s*", "\n", body).strip()
