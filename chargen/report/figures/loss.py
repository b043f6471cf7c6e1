"""The figures of the loss: while it falls, by learning rate, by window."""

from __future__ import annotations

import math
from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from chargen.records import CellResult, Comparison
from chargen.report import phrases
from chargen.report.figures.canvas import decades, doubling, dress, sheet, styled, thinned
from chargen.report.figures.labels import Label, beside
from chargen.report.figures.marks import ring
from chargen.report.style import INK, MUTED, PAPER, Look, looks


@styled
def loss(comparison: Comparison, narrow: bool) -> Figure:
    """Training loss while it falls, and the held-out loss of each run."""
    known = looks(comparison)
    figure, (left, right) = sheet(narrow, 2, widths=(1.12, 1), right=0.98)
    dress(left, "Training loss, bits per character", "characters read, log scale")
    left.set_xscale("log")
    ends = []
    for name, cell in comparison.cells.items():
        look = known[name]
        points = [(x, phrases.from_nats(y)) for x, y in cell.curve if x > 0 and math.isfinite(y)]
        if points:
            across, up = zip(*points, strict=True)
            every = max(1, len(points) // 6)
            left.plot(across, up, color=look.color, marker=look.marker, markevery=every)
            ends.append(Label(across[-1], up[-1], look.label, look.color))
    decades(left.xaxis)
    beside(left, ends)
    _held_out(right, comparison, known)
    return figure


def _held_out(axes: Axes, comparison: Comparison, known: Mapping[str, Look]) -> None:
    dress(axes, "Held-out loss, bits per character", "each point one run, the bar their mean", "x")
    axes.spines["bottom"].set_visible(False)
    ranked = sorted(comparison.cells.values(), key=lambda cell: -_sortable(cell.validation_bpc))
    values = [run for cell in ranked for run in _runs(cell)]
    pairs = comparison.bigram_nats
    if pairs is not None:
        values.append(phrases.from_nats(pairs))
        axes.axvline(values[-1], color=MUTED.light, lw=1, linestyle=(0, (2, 2)))
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) * 0.08 or 0.1
    axes.set_xlim(low - room, high + room)
    axes.set_yticks([])
    axes.set_ylim(-0.6, len(ranked) - 0.2)
    for row, cell in enumerate(ranked):
        look, runs = known[cell.cell], _runs(cell)
        if not runs:
            continue
        axes.plot(runs, [row - 0.2] * len(runs), look.marker, color=look.color, alpha=0.6, mew=0)
        if math.isfinite(cell.validation_bpc):
            axes.plot([cell.validation_bpc] * 2, [row, row + 0.35], color=look.color, lw=2.2)
        late = sum(runs) / len(runs) > (low + high) / 2
        spread = (
            f"\n{phrases.bits(min(runs))} to {phrases.bits(max(runs))}" if len(runs) > 1 else ""
        )
        axes.annotate(
            f"{look.label} {phrases.bits(cell.validation_bpc)}{spread}",
            (min(runs) if late else max(runs), row),
            xytext=(-8 if late else 8, 0),
            textcoords="offset points",
            ha="right" if late else "left",
            va="center",
            linespacing=1.15,
            color=look.color,
            bbox={"facecolor": PAPER.light, "edgecolor": "none", "pad": 1},
        )
    if pairs is not None:
        axes.annotate(
            "bigrams",
            (phrases.from_nats(pairs), 0),
            xytext=(-4, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right",
            color=MUTED.light,
        )
    axes.locator_params(axis="x", nbins=4)


def _runs(cell: CellResult) -> list[float]:
    runs = [phrases.from_nats(nats) for nats in cell.seeds if math.isfinite(nats)]
    return runs or [bpc for bpc in [cell.validation_bpc] if math.isfinite(bpc)]


@styled
def sweep(comparison: Comparison, narrow: bool) -> Figure:
    """The loss that each learning rate led to, the chosen one ringed."""
    known = looks(comparison)
    figure, (axes,) = sheet(narrow, right=1.15, height=2.1)
    dress(axes, "Loss by learning rate, bits per character", "learning rate, log scale", lift=16)
    axes.set_xscale("log")
    rates: set[float] = set()
    lost: dict[float, list[Look]] = {}
    ends = []
    for name, cell in comparison.cells.items():
        look = known[name]
        rates.update(rate for rate, _ in cell.sweep)
        points = [(rate, phrases.from_nats(y)) for rate, y in cell.sweep if math.isfinite(y)]
        points.sort()
        for rate, value in cell.sweep:
            if not math.isfinite(value):
                lost.setdefault(rate, []).append(look)
        if not points:
            continue
        across, up = zip(*points, strict=True)
        axes.plot(across, up, color=look.color, marker=look.marker)
        for rate, value in points:
            if rate == cell.learning_rate:
                ring(axes, rate, value, look)
        ends.append(Label(across[-1], up[-1], look.label, look.color))
    ordered = sorted(rates)
    axes.minorticks_off()
    shown = thinned(ordered, 4 if narrow else 9)
    axes.set_xticks(shown, [phrases.rate(rate) for rate in shown])
    for rate, those in lost.items():
        axes.annotate(
            f"{phrases.listing([look.label for look in those])} diverged",
            (rate, 1),
            xytext=(0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center" if rate < ordered[-1] else "right",
            color=those[0].color if len(those) == 1 else MUTED.light,
        )
        axes.axvline(rate, color=those[0].color, lw=0.8, linestyle=(0, (1, 2)))
    if ordered:
        axes.set_xlim(ordered[0] / 1.2, ordered[-1] * 1.2)
    beside(axes, ends)
    return figure


@styled
def window(comparison: Comparison, narrow: bool) -> Figure:
    """Held-out loss and time of training for each length of the training window."""
    look = looks(comparison).get(comparison.window_cell)
    color = look.color if look else INK.light
    marker = look.marker if look else "o"
    figure, (left, right) = sheet(narrow, 2, right=0.3, height=1.9, left=0.56)
    runs = sorted(comparison.windows, key=lambda run: run.sequence_length)
    lengths = [run.sequence_length for run in runs]
    dress(left, "Held-out loss, bits per character", "window in characters, doubling")
    left.plot(
        lengths,
        [phrases.from_nats(run.validation_nats) for run in runs],
        color=color,
        marker=marker,
    )
    dress(right, "Time of training, seconds", "window in characters, doubling")
    right.plot(lengths, [run.seconds for run in runs], color=color, marker=marker)
    right.set_ylim(0, 1.1 * max([run.seconds for run in runs], default=1.0))
    for axes in (left, right):
        doubling(axes, lengths, 6)
    return figure


def _sortable(number: float) -> float:
    return number if math.isfinite(number) else math.inf
