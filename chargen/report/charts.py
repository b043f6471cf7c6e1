"""Axes, and curves of several networks on them.

Figures are made without pyplot, which has global state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chargen.evaluation.records import Interval
from chargen.report.labels import Label, draw_labels
from chargen.report.theme import GRID, INK, MUTED, Styles

SMALL = 9.5
SETTINGS: dict[Any, Any] = {
    "font.size": 10.5,
    "font.sans-serif": ["DejaVu Sans"],
    "text.parse_math": False,
    "text.color": INK.light,
    "axes.edgecolor": MUTED.light,
    "axes.labelcolor": MUTED.light,
    "axes.labelsize": SMALL,
    "axes.axisbelow": True,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "grid.color": GRID.light,
    "xtick.color": MUTED.light,
    "xtick.labelsize": SMALL,
    "xtick.major.size": 0,
    "ytick.color": MUTED.light,
    "ytick.labelsize": SMALL,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "chargen",
}


def new_axes(
    title: str,
    xlabel: str,
    *,
    panels: int = 1,
    left: float = 50,
    right: float = 92,
    top: float = 30,
    grid: str = "y",
) -> tuple[Figure, list[Axes]]:
    """Make a figure with panels side by side, 400 points wide. All lengths are in points.

    title: the quantity on the vertical axis, with its unit; left, right, top: the margins around
    the panels.
    """
    width, height, bottom = 400, 112 + 36 + top, 36
    figure = Figure(figsize=(width / 72, height / 72))
    figure.text(0.005, 1 - 3 / height, title, va="top", fontweight="bold")
    found = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    figure.subplots_adjust(
        left / width, bottom / height, 1 - right / width, 1 - top / height, wspace=0.15
    )
    for axes in found:
        axes.set_xlabel(xlabel)
        axes.grid(axis=grid)
    return figure, list(found)


def use_percent_axis(axes: Axes, levels: Mapping[str, float] | None = None) -> None:
    """Scale the vertical axis from 0 to 100 %; levels: horizontal lines, by label."""
    ticks = dict(levels or {})
    for value in ticks.values():
        axes.axhline(value, color=MUTED.light, linewidth=0.9, linestyle=":", zorder=0.6)
    for value in (0, 0.25, 0.5, 0.75, 1):
        if all(abs(value - other) > 0.09 for other in ticks.values()):
            ticks[f"{100 * value:.3g}"] = value
    axes.set_ylim(-0.04, 1.04)
    axes.set_yticks(list(ticks.values()), list(ticks))


def draw_curves(
    figure: Figure,
    styles: Styles,
    curves: Mapping[str, Mapping[int, float | Interval]],
    points: Sequence[int] | None = None,
    doubling: bool = False,
    rings: Mapping[str, int | None] | None = None,
) -> None:
    """Draw and label a curve for each network; intervals become bars.

    Set the vertical limits before the call.

    points: positions with a marker and a tick, by default all; doubling: use a logarithmic
    horizontal axis; rings: the position to emphasise for each network.
    """
    axes = figure.axes[0]
    labels = []
    positions = sorted({x for curve in curves.values() for x in curve})
    points = positions if points is None else [x for x in points if x in positions]
    for name, curve in curves.items():
        if not curve:
            continue
        style = styles[name]
        values = {x: y.value if isinstance(y, Interval) else y for x, y in sorted(curve.items())}
        marked = [place for place, x in enumerate(values) if x in points] or [-1]
        axes.plot(
            *zip(*values.items(), strict=True),
            color=style.color,
            marker=style.marker,
            markevery=marked,
        )
        for x, y in curve.items():
            if isinstance(y, Interval):
                axes.vlines(x, y.low, y.high, color=style.color, alpha=0.4, linewidth=3)
        ring = (rings or {}).get(name)
        if ring in values:
            axes.plot(ring, values[ring], "o", color=style.color, ms=10, mew=1.4, mfc="none")
        x, y = list(values.items())[-1]
        labels.append(Label(x, y, style.label, style.color))
    if doubling:
        points = points[:: len(points) // 9 + 1]
        axes.set_xscale("log", base=2)
        axes.minorticks_off()
    if points:
        axes.set_xticks(points, [f"{x:,}" for x in points])
    draw_labels(figure, labels)


def mark_position(axes: Axes, x: float, text: str) -> None:
    """Draw a vertical line with a note above it."""
    axes.axvline(x, color=MUTED.light, linewidth=0.9, linestyle=":", zorder=0.6)
    axes.annotate(
        text,
        (x, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 2),
        textcoords="offset points",
        ha="center",
        fontsize=SMALL,
        color=MUTED.light,
    )
