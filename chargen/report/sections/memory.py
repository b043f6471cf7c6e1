"""The sections on how far back each network looks and learns."""

from __future__ import annotations

from functools import partial

from chargen.records import Comparison
from chargen.report import markup, phrases
from chargen.report.figures import memory as figures
from chargen.report.phrases import SPACE
from chargen.report.section import Picture, Section
from chargen.report.style import looks
from chargen.report.words import memory as words


def of_memory(comparison: Comparison) -> list[Section]:
    """What each network does with what stands further back."""
    cells = comparison.cells.values()
    found = []
    if any(cell.context_curve for cell in cells):
        found.append(_context(comparison))
    if any(len(cell.gradient_after.share) > 1 for cell in cells):
        found.append(_gradient(comparison))
    return found


def _context(comparison: Comparison) -> Section:
    counts = sorted(
        {one.count for cell in comparison.cells.values() for one in cell.context_curve.values()}
    )
    how = (
        "The network starts from an empty memory, is shown only the last k characters before a "
        f"target, and predicts it; {phrases.count(counts[0])} targets for each k. At “all” the "
        f"memory is carried through the held-out text. Bands: 95{SPACE}% intervals of the mean "
        "over the targets. As every point rests on the same targets, differences between points "
        f"are surer than the bands. Ringed: the least k within 1{SPACE}% of “all” (after "
        "Khandelwal et al. 2018); where a line is flat, a neighbour might be it as well. The "
        "targets are places with a long past, so that the loss at “all” is not quite that of all "
        "of the held-out text."
    )
    return Section(
        "context",
        "How much of the past does each network use?",
        "Hide what stands further back, and see whether the prediction gets worse.",
        (words.context(comparison),),
        Picture("context", partial(figures.context, comparison)),
        how,
    )


def _gradient(comparison: Comparison) -> Section:
    known = looks(comparison)
    rows = []
    for name, cell in comparison.cells.items():
        before, after = cell.gradient_at_start, cell.gradient_after
        rows.append(
            [
                markup.named(known[name]),
                _half(before.half_life),
                _half(after.half_life),
                _singular(before.largest_singular_value),
                _singular(after.largest_singular_value),
                markup.text(phrases.percent(cell.clipped)),
                markup.text(", ".join(map(phrases.measured, cell.largest_norms)) or "none"),
            ]
        )
    head = [
        "Network",
        "Half gone at lag, untrained",
        "trained",
        "Largest singular value, untrained",
        "trained",
        "Updates clipped",
        "Largest gradient norms",
    ]
    how = (
        "The length of the derivative of the loss at one character by the input k characters "
        "before the last one read, in double precision, averaged over places in the text and "
        "divided by that at k = 0. Training itself cut it at the beginning of each window. Lines "
        "that leave the figure below go on falling. The table's singular value is by how much one "
        "step can stretch a change of the state, at the median place: where it is below 1, a step "
        "back can only shrink the gradient; above 1 it may grow. It is no measure of what is kept, "
        "and says little between cells whose states are of different kinds."
    )
    return Section(
        "gradient",
        "How far back does learning reach?",
        "Unrolled over 100 characters, a recurrent network is a network 100 layers deep with the "
        "same weights in every layer. On its way back through them the gradient is multiplied "
        "again and again by nearly the same matrix: unless something holds it, it vanishes or "
        "explodes (Pascanu et al. 2013).",
        (words.gradient(comparison), words.exploding(comparison)),
        Picture("gradient", partial(figures.gradient, comparison)),
        how,
        markup.table(head, rows, "numbers"),
    )


def _half(lag: int | None) -> str:
    return "never" if lag is None else phrases.count(lag)


def _singular(value: float | None) -> str:
    return "no state" if value is None else phrases.measured(value)
