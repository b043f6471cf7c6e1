"""The figures of what each network keeps of the text: how far back it looks, learns, rhymes."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from chargen.records import Comparison
from chargen.report import phrases
from chargen.report.figures.canvas import decades, doubling, dress, sheet, styled
from chargen.report.figures.labels import Label, beside
from chargen.report.figures.marks import band, intervals, ring, share_axis
from chargen.report.style import INK, MUTED, looks

FLOOR = 1e-8


@styled
def context(comparison: Comparison, narrow: bool) -> Figure:
    """Loss when only the last k characters are visible, the effective context ringed."""
    known = looks(comparison)
    figure, (axes,) = sheet(narrow, right=1.15, height=2.7)
    dress(axes, "Bits per character", "visible characters, doubling")
    lags = sorted({lag for cell in comparison.cells.values() for lag in cell.context_curve})
    doubling(axes, lags, 6 if narrow else 12)
    everything = lags[-1] * (4.0 if narrow else 2.6) if lags else 1.0
    ends = []
    for name, cell in comparison.cells.items():
        look = known[name]
        band(axes, cell.context_curve, look)
        points = [(lag, cell.context_curve[lag].value) for lag in sorted(cell.context_curve)]
        if points:
            last = points[-1]
            axes.plot(
                [last[0], everything],
                [last[1], cell.all_context.value],
                color=look.color,
                linestyle=(0, (1, 2)),
                lw=1.2,
            )
        intervals(axes, [everything], [cell.all_context], look)
        if cell.effective_context in cell.context_curve:
            lag = cell.effective_context
            ring(axes, lag, cell.context_curve[lag].value, look)
        if math.isfinite(cell.all_context.value):
            ends.append(Label(everything, cell.all_context.value, look.label, look.color))
    ticks = [int(tick) for tick in axes.get_xticks()]
    axes.set_xticks([*ticks, everything], [*(f"{tick:,}" for tick in ticks), "all"])
    if lags:
        axes.set_xlim(lags[0] / 1.35, everything * 1.2)
    beside(axes, ends)
    return figure


@styled
def gradient(comparison: Comparison, narrow: bool) -> Figure:
    """The share of the gradient that arrives from each lag, before and after training."""
    known = looks(comparison)
    figure, panels = sheet(narrow, 2, right=1.0, left=0.56, height=2.7)
    flows = [
        {name: cell.gradient_at_start for name, cell in comparison.cells.items()},
        {name: cell.gradient_after for name, cell in comparison.cells.items()},
    ]
    shares = [share for flow in flows for one in flow.values() for share in one.share if share > 0]
    floor = max(FLOOR, 10.0 ** math.floor(math.log10(min(shares, default=1.0)) - 0.01))
    for axes, flow, when in zip(panels, flows, ("before training", "after training"), strict=True):
        dress(axes, f"Gradient that arrives, {when}", "characters back", lift=16)
        axes.set_yscale("log")
        axes.set_ylim(floor, 2)
        decades(axes.yaxis)
        ends = []
        longest = 1
        for name, one in flow.items():
            look = known[name]
            points = [(lag, y) for lag, y in enumerate(one.share) if y > 0 and math.isfinite(y)]
            longest = max(longest, len(one.share) - 1)
            seen = [point for point in points if point[1] >= floor]
            if len(points) < 2 or not seen:
                continue
            across, up = zip(*points, strict=True)
            axes.plot(
                across,
                up,
                color=look.color,
                marker=look.marker,
                markevery=(0, max(1, len(seen) // 5)),
                linestyle=(0, (4, 1.5)) if when.startswith("before") else "-",
            )
            half = "never half" if one.half_life is None else f"half at {one.half_life}"
            ends.append(Label(*seen[-1], f"{look.label}\n{half}", look.color))
        axes.set_xlim(-longest * 0.02, longest)
        nothing = [known[name] for name, one in flow.items() if not any(one.share[1:])]
        if nothing:
            axes.annotate(
                f"{phrases.listing([look.label for look in nothing])}: exactly 0 from lag 1 on",
                (0, 1),
                xytext=(0, 3),
                xycoords="axes fraction",
                textcoords="offset points",
                fontsize=8.5,
                color=nothing[0].color if len(nothing) == 1 else MUTED.light,
            )
        beside(axes, ends)
    return figure


@styled
def closers(comparison: Comparison, narrow: bool) -> Figure:
    """The probability of the right closing quote or bracket, by the distance to its opener."""
    known = looks(comparison)
    bins = sorted({place for cell in comparison.cells.values() for place in cell.closers})
    figure, (axes,) = sheet(narrow, right=1.15, height=2.3)
    dress(axes, "Probability of the right closer, %", "characters since it was opened")
    ends = []
    for name, cell in comparison.cells.items():
        look = known[name]
        places = [place for place, where in enumerate(bins) if where in cell.closers]
        values = [cell.closers[bins[place]] for place in places]
        intervals(axes, places, values, look, line=True)
        if values:
            ends.append(Label(places[-1], values[-1].value, look.label, look.color))
    axes.set_xticks(
        range(len(bins)),
        [f"{low}\N{EN DASH}{high}" if low != high else f"{low}" for low, high in bins],
    )
    share_axis(axes)
    beside(axes, ends)
    return figure


@styled
def rhyme(comparison: Comparison, narrow: bool) -> Figure:
    """How long each network keeps to the rhyme of its line, beside the corpus."""
    known = looks(comparison)
    figure, (axes,) = sheet(narrow, right=1.15, height=2.3)
    dress(axes, "Words that rhyme, %", "words since the line's first rhyme word")
    ends = []
    longest = 1
    if comparison.corpus_coherence is not None and comparison.corpus_coherence.kept_rhyme:
        kept = comparison.corpus_coherence.kept_rhyme
        longest = len(kept)
        values = [one.value for one in kept]
        axes.plot(range(1, longest + 1), values, color=INK.light, lw=1.2, linestyle=(0, (4, 1.5)))
        ends.append(Label(longest, values[-1], "The corpus", INK.light))
    for name, cell in comparison.cells.items():
        kept = cell.coherence.kept_rhyme
        look = known[name]
        longest = max(longest, len(kept))
        intervals(axes, range(1, len(kept) + 1), kept, look, line=True)
        if kept:
            ends.append(Label(len(kept), kept[-1].value, look.label, look.color))
    axes.set_xticks(range(1, longest + 1))
    share_axis(axes)
    beside(axes, ends)
    return figure
