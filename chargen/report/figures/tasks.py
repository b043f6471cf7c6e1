"""The figures of the memory tasks."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from chargen.records import Interval, TaskComparison
from chargen.report import phrases
from chargen.report.figures.canvas import doubling, dress, sheet, styled
from chargen.report.figures.labels import Label, beside
from chargen.report.figures.marks import SHARES, intervals, ring, share_axis
from chargen.report.style import INK, MUTED, PAPER, Look


@styled
def accuracy(
    task: TaskComparison, known: Mapping[str, Look], narrow: bool, heading: str = ""
) -> Figure:
    """Right answers against the lag, with chance, what was trained on, and each span ringed.

    heading: a line over the figure, for where it stands without the page.
    """
    title = "Right answers, %"
    figure, (axes,) = sheet(narrow, right=1.32, height=2.7, top=0.55, head=0.3 if heading else 0.0)
    dress(axes, title, "characters between the fact and the question, doubling", lift=16)
    if narrow:
        axes.set_xlabel("lag in characters, doubling")
    doubling(axes, task.lags, 5 if narrow else 10)
    if task.lags:
        axes.set_xlim(max(1, min(task.lags)) / 1.35, max(task.lags) * (1.4 if narrow else 1.2))
    _lines(axes, task)
    ends = []
    for name, result in task.cells.items():
        look = known[name]
        lags = sorted(result.accuracy)
        intervals(axes, lags, [result.accuracy[lag] for lag in lags], look, line=True)
        if result.span in result.accuracy:
            ring(axes, result.span, result.accuracy[result.span].value, look)
        if lags:
            reach = f"{phrases.count(result.span)}{'+' if result.span_is_least else ''}"
            ends.append(
                Label(
                    lags[-1], result.accuracy[lags[-1]].value, f"{look.label} {reach}", look.color
                )
            )
    beside(axes, ends)
    if not narrow:
        axes.annotate(
            f"ringed: the memory span, {phrases.percent(task.least_accuracy)} right or more",
            (1, 1),
            xytext=(0, 16),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            fontsize=8.5,
            color=MUTED.light,
        )
    if heading:
        figure.text(0.012, 0.97, heading, va="top", fontsize=11, fontweight="bold", color=INK.light)
    return figure


def _lines(axes: Axes, task: TaskComparison) -> None:
    """Chance, the accuracy at which a span ends, and the longest lag of training."""
    for value in (task.chance, task.least_accuracy):
        axes.axhline(value, color=MUTED.light, lw=0.9, linestyle=(0, (2, 2)), zorder=0.6)
    _chance(axes, task)
    # The level is a tick of its own; those that would touch it give way.
    ticks = [tick for tick in SHARES if abs(tick - task.least_accuracy) > 0.07]
    share_axis(axes, [*ticks, task.least_accuracy])
    longest = max((result.trained_to for result in task.cells.values()), default=0)
    if longest in range(min(task.lags, default=0), max(task.lags, default=0) + 1):
        axes.axvline(longest, color=MUTED.light, lw=0.9, linestyle=(0, (2, 2)), zorder=0.6)
        axes.annotate(
            f"longest in training: {phrases.count(longest)}",
            (longest, 1),
            xytext=(0, 2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=MUTED.light,
        )


def _chance(axes: Axes, task: TaskComparison) -> None:
    """Name the line of chance, clear of the networks that know nothing and lie on it."""
    axes.annotate(
        f"chance {phrases.percent(task.chance)}",
        (0, task.chance),
        xytext=(3, -9),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="top",
        fontsize=8.5,
        color=MUTED.light,
        bbox={"facecolor": PAPER.light, "edgecolor": "none", "pad": 0.6},
        zorder=0.7,
    )


@styled
def calibration(task: TaskComparison, known: Mapping[str, Look], narrow: bool) -> Figure:
    """What each network gives to each answer in each setting, beside the truth."""
    settings: list[str] = []
    for result in task.cells.values():
        settings += [setting for setting in result.calibration if setting not in settings]
    answers = {
        setting: list(
            dict.fromkeys(
                answer
                for cell in task.cells.values()
                for answer in cell.calibration.get(setting, ())
            )
        )
        for setting in settings
    }
    rows = max((len(those) for those in answers.values()), default=1)
    figure, panels = sheet(
        narrow,
        max(1, len(settings)),
        height=0.42 * rows + 0.1,
        left=0.62,
        right=0.18,
        top=0.4,
        head=0.5 if narrow else 0.3,
    )
    _key(figure, [known[name] for name, one in task.cells.items() if one.calibration], narrow)
    for axes, setting in zip(panels, settings, strict=False):
        dress(axes, phrases.visible(setting), "probability, %", grid="x")
        axes.spines["bottom"].set_visible(False)
        axes.set_xlim(-0.04, 1.04)
        axes.set_xticks((0, 0.5, 1), ("0", "50", "100"))
        axes.set_ylim(len(answers[setting]) - 0.45, -0.55)
        axes.set_yticks(
            range(len(answers[setting])), [phrases.visible(answer) for answer in answers[setting]]
        )
        axes.tick_params(axis="y", labelcolor=INK.light)
        cells = [(name, one) for name, one in task.cells.items() if setting in one.calibration]
        for place, (name, result) in enumerate(cells):
            look = known[name]
            for row, answer in enumerate(answers[setting]):
                if answer not in result.calibration[setting]:
                    continue
                truth, given = result.calibration[setting][answer]
                up = row + (place - (len(cells) - 1) / 2) * 0.17
                axes.plot([truth] * 2, [row - 0.42, row + 0.42], color=INK.light, lw=1.4)
                axes.plot([truth, given], [up, up], color=look.color, lw=1, alpha=0.6)
                axes.plot([given], [up], marker=look.marker, color=look.color)
    return figure


def _key(figure: Figure, those: list[Look], narrow: bool) -> None:
    """Name the marks over the panels, where labels at each of them would cover one another."""
    marks = [
        Line2D([], [], color=look.color, marker=look.marker, linestyle="none", label=look.label)
        for look in those
    ]
    truth = Line2D([], [], color=INK.light, marker="|", linestyle="none", ms=10, mew=1.4)
    truth.set_label("the truth")
    key = figure.legend(
        handles=[truth, *marks],
        loc="upper left",
        bbox_to_anchor=(0, 1),
        ncols=3 if narrow else 6,
        frameon=False,
        handletextpad=0.1,
        columnspacing=1.0,
        borderaxespad=0.1,
    )
    for text, color in zip(
        key.get_texts(), [INK.light, *(look.color for look in those)], strict=True
    ):
        text.set_color(color)


@styled
def depth(task: TaskComparison, known: Mapping[str, Look], narrow: bool) -> Figure:
    """Right answers against the depth of nesting."""
    figure, (axes,) = sheet(narrow, right=1.15, height=2.2)
    dress(axes, "Right answers, %", "depth of nesting")
    share_axis(axes)
    depths: set[int] = set()
    ends = []
    axes.axhline(task.chance, color=MUTED.light, lw=0.9, linestyle=(0, (2, 2)), zorder=0.6)
    _chance(axes, task)
    for name, result in task.cells.items():
        look = known[name]
        across = sorted(result.by_depth)
        depths.update(across)
        values: list[Interval] = [result.by_depth[place] for place in across]
        intervals(axes, across, values, look, line=True)
        if across:
            ends.append(Label(across[-1], values[-1].value, look.label, look.color))
    axes.set_xticks(sorted(depths))
    beside(axes, ends)
    return figure
