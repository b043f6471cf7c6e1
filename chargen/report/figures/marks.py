"""What several figures draw: points with their intervals, bands, rings, shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from chargen.records import Interval
from chargen.report.style import Look

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def share_axis(axes: Axes, ticks: Sequence[float] = SHARES) -> None:
    """Shares from 0 to 1 as percentages, with room for the marks at both ends."""
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks(ticks, [f"{100 * tick:.3g}" for tick in ticks])


def band(axes: Axes, points: Mapping[int, Interval], look: Look) -> None:
    """A line through points, their intervals a band around it."""
    across = sorted(points)
    axes.fill_between(
        across,
        [points[place].low for place in across],
        [points[place].high for place in across],
        color=look.color,
        alpha=0.16,
        linewidth=0,
    )
    axes.plot(
        across, [points[place].value for place in across], color=look.color, marker=look.marker
    )


def intervals(
    axes: Axes,
    across: Sequence[float],
    values: Sequence[Interval],
    look: Look,
    line: bool = False,
) -> None:
    """Points with their intervals as bars, and a line through them if asked."""
    axes.vlines(
        across,
        [one.low for one in values],
        [one.high for one in values],
        color=look.color,
        alpha=0.45,
        linewidth=3,
    )
    axes.plot(
        across,
        [one.value for one in values],
        color=look.color,
        marker=look.marker,
        linestyle="-" if line else "none",
    )


def ring(axes: Axes, across: float, up: float, look: Look) -> None:
    """A ring around a point that the text speaks of."""
    axes.plot(
        [across],
        [up],
        color=look.color,
        marker="o",
        markersize=10,
        markerfacecolor="none",
        markeredgecolor=look.color,
        markeredgewidth=1.4,
        linestyle="none",
    )
