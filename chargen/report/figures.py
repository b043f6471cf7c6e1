"""The figures of the report, one for each question."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator

from chargen.comparison.result import TaskComparison, TextComparison
from chargen.evaluation.records import Interval
from chargen.report.charts import SMALL, draw_curves, mark_position, new_axes, use_percent_axis
from chargen.report.formatting import SUPERSCRIPTS, bits, visible
from chargen.report.sentences import LAGS, gradient_flows, kept_rhyme
from chargen.report.theme import INK, PAPER, TEXT, Styles

GRADIENT_FLOOR = 1e-8


def accuracy(task: TaskComparison, styles: Styles) -> Figure:
    """Draw the accuracy by lag; the memory span of each network is ringed."""
    figure, (axes,) = new_axes("Correct answers, %", "characters between fact and question")
    use_percent_axis(axes, _levels(task))
    evaluations = {name: result.evaluation for name, result in task.cells.items()}
    curves = {name: evaluation.accuracy for name, evaluation in evaluations.items()}
    spans = {name: evaluation.span for name, evaluation in evaluations.items()}
    draw_curves(figure, styles, curves, doubling=True, rings=spans)
    longest = max(result.trained_to for result in task.cells.values())
    if min(task.lags) < longest < max(task.lags):
        mark_position(axes, longest, f"trained up to {longest:,}")
    return figure


def depth(task: TaskComparison, styles: Styles) -> Figure:
    """Draw the accuracy by depth of nesting."""
    figure, (axes,) = new_axes("Correct answers, %", "depth of nesting")
    use_percent_axis(axes, _levels(task))
    curves = {name: result.evaluation.by_depth for name, result in task.cells.items()}
    draw_curves(figure, styles, curves)
    return figure


def _levels(task: TaskComparison) -> dict[str, float]:
    """Return the accuracy without memory, and the one at which a memory span ends."""
    return {"chance": task.chance, f"{100 * task.limit:.3g}": task.limit}


def calibration(task: TaskComparison, styles: Styles) -> Figure:
    """Draw the share that each network gives to each choice, by setting, and the true one."""
    cells = {
        name: result.evaluation.calibration
        for name, result in task.cells.items()
        if result.evaluation.calibration
    }
    settings = next(iter(cells.values()))
    choices = list(dict.fromkeys(choice for shares in settings.values() for choice in shares))
    title = "Probability of each answer; bar: the true one"
    figure, panels = new_axes(title, "%", panels=len(settings), left=62, right=6, top=56, grid="x")
    for axes, setting in zip(panels, settings, strict=True):
        axes.set_title(visible(setting), fontsize=SMALL, loc="left", pad=4)
        axes.set(xlim=(-0.05, 1.05), ylim=(len(choices) - 0.45, -0.55))
        axes.set_xticks((0, 0.5, 1), ("0", "50", "100"))
        axes.set_yticks(range(len(choices)), [visible(choice) for choice in choices])
        for place, (name, by_setting) in enumerate(cells.items()):
            style = styles[name]
            offset = (place - (len(cells) - 1) / 2) * 0.7 / len(cells)
            for choice, (true, share) in by_setting.get(setting, {}).items():
                row = choices.index(choice)
                y = row + offset
                axes.plot([true] * 2, [row - 0.42, row + 0.42], color=INK.light, linewidth=1.4)
                axes.plot([true, share], [y, y], color=style.color, linewidth=1, alpha=0.6)
                label = "" if row else style.label
                axes.plot(share, y, style.marker, color=style.color, label=label)
    handles, _ = panels[0].get_legend_handles_labels()
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0, 0.92),
        ncols=len(cells),
        fontsize=SMALL,
        labelcolor="linecolor",
        frameon=False,
        handletextpad=0,
    )
    return figure


def loss(text: TextComparison, styles: Styles) -> Figure:
    """Draw the held-out loss as bars, with the interval of the difference to the best network."""
    title, ranked = "Held-out loss, bits per character", text.ranked
    figure, (axes,) = new_axes(title, "", left=84, right=50, grid="x")
    looks = [styles[cell.network.cell] for cell in ranked]
    best = ranked[0].validation_bits or 0.0
    for row, (cell, style) in enumerate(zip(ranked, looks, strict=True)):
        value = end = cell.validation_bits or 0.0
        axes.barh(row, value, height=0.62, color=style.color)
        if cell.behind is not None and row:
            low, end = best + cell.behind.low, best + cell.behind.high
            axes.plot([low, end], [row, row], color=INK.light, linewidth=1.6)
        box = {"facecolor": PAPER.light, "edgecolor": "none", "pad": 0.8}
        axes.annotate(
            bits(value),
            (max(value, end), row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            bbox=box,
        )
    axes.set_yticks(range(len(ranked)), [style.label for style in looks])
    for tick, style in zip(axes.get_yticklabels(), looks, strict=True):
        tick.set_color(style.color)
    if text.corpus.bigram_nats is not None:
        mark_position(axes, text.corpus.bigram_nats / math.log(2), "bigram model")
    # After everything else, since the right limit is taken from what has been drawn.
    axes.set(xlim=(0, None), ylim=(len(ranked) - 0.4, -0.6))
    return figure


def training(text: TextComparison, styles: Styles) -> Figure:
    """Draw the training loss of the first run, without its first tenth."""
    figure, (axes,) = new_axes("Training loss, bits per character", "characters read")
    axes.xaxis.set_major_formatter(EngFormatter())
    curves = {
        name: {
            read: nats / math.log(2)
            for read, nats in cell.runs[0].curve
            if read >= cell.runs[0].characters / 10 and math.isfinite(nats)
        }
        for name, cell in text.cells.items()
    }
    draw_curves(figure, styles, curves, points=())
    return figure


def context(text: TextComparison, styles: Styles) -> Figure:
    """Draw the loss by number of visible characters; the effective context is ringed."""
    figure, _ = new_axes("Loss, bits per character", "visible characters")
    measured = {name: cell.diagnostics.context for name, cell in text.cells.items()}
    curves = {name: curve.by_length for name, curve in measured.items()}
    effective = {name: curve.effective for name, curve in measured.items()}
    draw_curves(figure, styles, curves, doubling=True, rings=effective)
    return figure


def gradient(subject: TaskComparison | TextComparison, styles: Styles) -> Figure:
    """Draw the share of the gradient that is left at each lag, on a logarithmic axis."""
    figure, (axes,) = new_axes("Share of the gradient left", "characters back")
    shares = {
        name: {lag: share for lag, share in enumerate(flow.share) if share > 0 and lag <= LAGS[-1]}
        for name, flow in gradient_flows(subject).items()
    }
    curves = {name: values for name, values in shares.items() if len(values) > 1}
    lowest = min((min(values.values()) for values in curves.values()), default=0.1)
    axes.set_yscale("log")
    axes.set_ylim(max(GRADIENT_FLOOR, 10 ** math.floor(math.log10(lowest))), 2)
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: _power(share)))
    axes.minorticks_off()
    draw_curves(figure, styles, curves, points=(0, *LAGS))
    return figure


def _power(share: float) -> str:
    """Format a power of ten as a percentage."""
    exponent = round(math.log10(share)) + 2
    if -2 <= exponent <= 2:
        return f"{10.0**exponent:g} %"
    return f"10{str(exponent).translate(SUPERSCRIPTS)} %"


def brackets(text: TextComparison, styles: Styles) -> Figure:
    """Draw the probability of the right closing mark, by the distance to the opening one."""
    figure, (axes,) = new_axes("Probability of the right mark, %", "characters since the opening")
    use_percent_axis(axes)
    found = {name: cell.diagnostics.bracket_matching for name, cell in text.cells.items()}
    bins = sorted({(one.nearest, one.farthest) for bins in found.values() for one in bins})
    curves = {
        name: {bins.index((one.nearest, one.farthest)): one.probability for one in matching}
        for name, matching in found.items()
    }
    draw_curves(figure, styles, curves)
    axes.set_xticks(range(len(bins)), [f"{low}\N{EN DASH}{high}" for low, high in bins])
    return figure


def rhyme(text: TextComparison, styles: Styles) -> Figure:
    """Draw the share of words that rhyme with their line, by distance in words."""
    figure, (axes,) = new_axes("Words that rhyme, %", "words after the line's first rhyme word")
    use_percent_axis(axes)
    curves = {name: dict(enumerate(shares, start=1)) for name, shares in kept_rhyme(text).items()}
    draw_curves(figure, {**styles, **TEXT}, curves)
    return figure


def windows(text: TextComparison, styles: Styles) -> Figure:
    """Draw the mean loss by the length of the window, with the range of the runs."""
    figure, _ = new_axes("Held-out loss, bits per character", "window, in characters")
    curve = {
        window.bptt_length: Interval(
            window.mean_bits, min(window.bits), max(window.bits), len(window.bits)
        )
        for window in text.windows
        if window.mean_bits is not None
    }
    draw_curves(figure, styles, {text.window_cell: curve}, doubling=True)
    return figure
