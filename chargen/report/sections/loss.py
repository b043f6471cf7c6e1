"""The sections on the loss, each of them only where it has something to show."""

from __future__ import annotations

from functools import partial

from chargen.records import Comparison
from chargen.report import markup, phrases
from chargen.report.figures import loss as figures
from chargen.report.section import Picture, Section
from chargen.report.style import looks
from chargen.report.words import loss as words


def of_loss(comparison: Comparison) -> list[Section]:
    """How well each network predicts, by learning rate and by window."""
    if not comparison.cells:
        return []
    found = [_loss(comparison)]
    if any(cell.sweep for cell in comparison.cells.values()):
        found.append(_sweep(comparison))
    return found


def of_windows(comparison: Comparison) -> list[Section]:
    """What the length of the training window changes."""
    return [_window(comparison)] if comparison.cells and comparison.windows else []


def _loss(comparison: Comparison) -> Section:
    cells = list(comparison.cells.values())
    sizes = sorted(cell.parameters for cell in cells)
    parameters = phrases.count(sizes[0])
    if sizes[0] != sizes[-1]:
        parameters = f"{parameters} to {phrases.count(sizes[-1])}"
    how = (
        f"Loss is the surprise, \N{MINUS SIGN}log₂ of the probability of the character that came, "
        f"averaged over the {phrases.count(comparison.held_out_characters)} held-out characters, "
        f"in bits: fewer is better. "
    )
    if len(cells) > 1:
        how += (
            f"All networks read {phrases.characters(comparison.characters_read)} and have "
            f"{parameters} parameters. "
        )
    how += (
        "Each point is a run from another seed, the bar their mean. No choice was made on the "
        "held-out text: it is read with the last weights. Intervals of differences: paired "
        "bootstrap over its characters."
    )
    return Section(
        "loss",
        "Which network predicts best?" if len(cells) > 1 else "How well does it predict?",
        "A network that knows what comes next is surprised less.",
        (words.loss(comparison),),
        Picture("loss", partial(figures.loss, comparison)),
        how,
    )


def _sweep(comparison: Comparison) -> Section:
    return Section(
        "sweep",
        "Was each trained as well as it can be?",
        "A comparison is fair only if each network is given the learning rate that suits it.",
        (words.sweep(comparison),),
        Picture("sweep", partial(figures.sweep, comparison)),
        "Each rate was tried in a shorter run on nine tenths of the training part; the loss shown "
        "here was then measured on its last tenth (of a text of lines, on a tenth of the lines). "
        "The rate with the lowest loss is ringed. Where it was the smallest or the largest, one "
        "beyond it was tried too.",
    )


def _window(comparison: Comparison) -> Section:
    known = looks(comparison)
    look = known.get(comparison.window_cell)
    cell = f"the {look.name}" if look else markup.text(comparison.window_cell)
    return Section(
        "window",
        "How far back must the gradient go?",
        "Training cuts the text into windows and sends the gradient back no further than their "
        "beginning; the memory itself is carried on.",
        (words.window(comparison),),
        Picture("window", partial(figures.window, comparison)),
        f"{phrases.capital(cell)} was trained anew for each length, on fewer characters than "
        "above, each time with one seed. All of these runs read the same characters in the same "
        "updates; only the gradient is cut at the beginning of each window.",
    )
