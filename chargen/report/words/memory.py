"""The sentences on what each network keeps of the text, made from what was measured.

Nothing is claimed that the numbers at hand do not say, and where two results cannot be told
apart, that is what the sentence says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from chargen.records import CellResult, Comparison, GradientFlow, Interval
from chargen.report import phrases
from chargen.report.phrases import SPACE
from chargen.report.style import Look, looks
from chargen.report.words.names import BPC, the

_ENOUGH = 100  # words


def context(comparison: Comparison) -> str:
    """How much of what stands further back each cell uses."""
    known = looks(comparison)
    far = sorted(
        (cell for cell in comparison.cells.values() if cell.effective_context is not None),
        key=lambda cell: -(cell.effective_context or 0),
    )
    parts = []
    if far:
        needs = [
            f"{the(cell.cell, known)} {phrases.count(cell.effective_context or 0)}"
            for cell in far[1:]
        ]
        first = phrases.characters(far[0].effective_context or 0)
        needs.insert(0, f"{the(far[0].cell, known)} needs the last {first}")
        parts.append(
            f"To come within 1{SPACE}% of the loss it has when everything is visible, "
            f"{phrases.listing(needs)}."
        )
        parts += [_gain(far[0], known)]
        nearest = far[-1]
        if nearest.effective_context != far[0].effective_context:
            parts.append(
                f"What stands more than {phrases.characters(nearest.effective_context or 0)} back "
                f"improves the prediction of {the(nearest.cell, known)} by less than 1{SPACE}%."
            )
    for cell in comparison.cells.values():
        if cell.effective_context is None and cell.context_curve:
            parts.append(
                f"{phrases.capital(the(cell.cell, known))} is still not within 1{SPACE}% when it "
                f"sees the last {phrases.characters(max(cell.context_curve))}."
            )
    return " ".join(part for part in parts if part)


def _gain(cell: CellResult, known: Mapping[str, Look]) -> str:
    """What the last doubling of the context that still matters brings."""
    k = cell.effective_context
    shorter = [lag for lag in cell.context_curve if k is not None and lag < k]
    if k not in cell.context_curve or not shorter:
        return ""
    before, after = cell.context_curve[max(shorter)].value, cell.context_curve[k].value
    if not before > after:
        return ""
    return (
        f"{phrases.capital(the(cell.cell, known))} still gains from what stands "
        f"{phrases.count(max(shorter) + 1)} to {phrases.characters(k)} back: seeing it takes its "
        f"loss from {phrases.bits(before)} to {phrases.bits(after)} {BPC}."
    )


def gradient(comparison: Comparison) -> str:
    """How much of the gradient arrives from far back, and where it is exactly nothing."""
    known = looks(comparison)
    flows = {name: cell.gradient_after for name, cell in comparison.cells.items()}
    moving = {name: flow for name, flow in flows.items() if any(flow.share[1:])}
    parts = []
    if moving:
        lag = min(50, *(len(flow.share) - 1 for flow in moving.values()))
        order = sorted(moving, key=lambda name: -moving[name].share[lag])
        arrives = [
            f"{phrases.percent(moving[name].share[lag])} in {the(name, known)}" for name in order
        ]
        parts.append(
            f"After training, of the gradient at the last character read there arrives, "
            f"{phrases.characters(lag)} further back, {phrases.listing(arrives)}."
        )
        halves = [f"{_half(moving[name])} in {the(name, known)}" for name in order]
        parts.append(f"It falls below half {phrases.listing(halves)}.")
    for name, flow in flows.items():
        zero = next(
            (lag for lag, share in enumerate(flow.share) if not any(flow.share[lag:])), None
        )
        if zero is not None and zero > 0:
            end = ": nothing it read before can reach a prediction" if zero == 1 else ""
            parts.append(
                f"In {the(name, known)} the gradient is exactly 0 from lag {phrases.count(zero)} on"
                f"{end}; a scale of powers of ten has no place for it."
            )
    return " ".join(parts)


def _half(flow: GradientFlow) -> str:
    if flow.half_life is None:
        return f"nowhere within {phrases.characters(len(flow.share) - 1)}"
    return f"after {phrases.characters(flow.half_life)}"


def exploding(comparison: Comparison) -> str:
    """How often the gradient had to be cut short, and the greatest that it was."""
    known = looks(comparison)
    order = sorted(comparison.cells.values(), key=lambda cell: -cell.clipped)
    if not any(cell.clipped for cell in order):
        return "No gradient was so large that it had to be clipped."
    through_time = [cell for cell in order if cell.cell != "feedforward"]
    said = ""
    if through_time:
        shares = [
            f"{phrases.percent(cell.clipped)} in {the(cell.cell, known)}{_greatest(cell)}"
            for cell in through_time
        ]
        said = (
            "The other side is a gradient that explodes; one longer than 1 is clipped. The share "
            f"of updates in which it was: {phrases.listing(shares)}."
        )
    for cell in order:
        if cell.cell == "feedforward" and cell.clipped:
            said += (
                f" In {the(cell.cell, known)}, which has no time to explode through, it was "
                f"{phrases.percent(cell.clipped)}{_greatest(cell)}: that much is not due to memory."
            )
    return said.strip()


def _greatest(cell: CellResult) -> str:
    if not cell.largest_norms:
        return ""
    norm = cell.largest_norms[0]
    said = phrases.measured(norm) if math.isfinite(norm) else "not finite"
    return f" (the greatest norm was {said})"


def closers(comparison: Comparison) -> str:
    """Which cell still knows what it opened, at the greatest distance measured."""
    known = looks(comparison)
    bins = sorted({place for cell in comparison.cells.values() for place in cell.closers})
    if not bins:
        return ""
    far = bins[-1]
    here = [cell for cell in comparison.cells.values() if far in cell.closers]
    here.sort(key=lambda cell: -cell.closers[far].value)
    values = [
        f"{phrases.percent(cell.closers[far].value)} from {the(cell.cell, known)}" for cell in here
    ]
    said = (
        f"Where the quotation mark or bracket was opened {phrases.count(far[0])} to "
        f"{phrases.characters(far[1])} before, the right closer gets {phrases.listing(values)}."
    )
    if len(here) > 1 and here[0].closers[far].low <= here[1].closers[far].high:
        said += " The intervals of the first two overlap."
    return said


def neuron(comparison: Comparison) -> str:
    """How sure each cell is of spelling the prompt to its end, and where it is least sure."""
    known = looks(comparison)
    chances = {
        name: math.prod(step.probability for step in cell.neuron)
        for name, cell in comparison.cells.items()
        if cell.neuron and _in_turn([step.prefix + step.right for step in cell.neuron])
    }
    if not chances:
        return ""
    start = comparison.cells[next(iter(chances))].neuron[0].prefix
    order = sorted(chances, key=lambda name: -chances[name])
    values = [f"{phrases.percent(chances[name])} in {the(name, known)}" for name in order]
    said = (
        f"The probability that after {phrases.quoted(start)} all the rest of "
        f"{phrases.quoted(comparison.prompt)} follows is {phrases.listing(values)}."
    )
    last = comparison.cells[order[-1]].neuron
    hardest = min(last, key=lambda step: step.probability)
    if len(order) > 1:
        best = next(
            (step for step in comparison.cells[order[0]].neuron if step.prefix == hardest.prefix),
            None,
        )
        if best is not None and best.probability > hardest.probability:
            said += (
                f" {phrases.capital(the(order[-1], known))} is least sure after "
                f"{phrases.quoted(hardest.prefix)}: it gives the right "
                f"{phrases.quoted(hardest.right)} "
                f"{phrases.percent(hardest.probability)}, {the(order[0], known)} "
                f"{phrases.percent(best.probability)}."
            )
    return said


def _in_turn(texts: Sequence[str]) -> bool:
    """Whether each text begins the next and is shorter by one character."""
    return all(
        after.startswith(before) and len(after) == len(before) + 1
        for before, after in pairwise(texts)
    )


def _furthest(kept: Sequence[Sequence[Interval]]) -> int:
    """The furthest distance at which every network wrote enough words to tell, from 1 on."""
    shared = min(map(len, kept))
    told = [d for d in range(1, shared + 1) if min(one[d - 1].count for one in kept) >= _ENOUGH]
    return told[-1] if told else 1


def coherence(comparison: Comparison) -> str:
    """How far the writing of each network keeps together."""
    known = looks(comparison)
    cells = list(comparison.cells.values())
    corpus = comparison.corpus_coherence
    words = [
        f"{phrases.percent(cell.coherence.known_words)} by {the(cell.cell, known)}"
        for cell in sorted(cells, key=lambda cell: -cell.coherence.known_words)
    ]
    said = f"Of the words written, {phrases.listing(words)} are words of the training text"
    if corpus is not None:
        said += f"; of the held-out text's, {phrases.percent(corpus.known_words)}"
    said += "."
    rhyming = [cell for cell in cells if cell.coherence.kept_rhyme]
    if rhyming:
        far = _furthest([cell.coherence.kept_rhyme for cell in rhyming])
        rhyming.sort(key=lambda cell: -cell.coherence.kept_rhyme[far - 1].value)
        kept = [
            f"{the(cell.cell, known)} with "
            f"{phrases.percent(cell.coherence.kept_rhyme[far - 1].value)}"
            for cell in rhyming
        ]
        place = "next word" if far == 1 else f"word {phrases.count(far)} places on"
        said += (
            f" After the first rhyme word of a line, the {place} still rhymes with it: "
            f"{phrases.listing(kept)}"
        )
        if corpus is not None and len(corpus.kept_rhyme) >= far:
            said += f", the corpus with {phrases.percent(corpus.kept_rhyme[far - 1].value)}"
        said += "."
        first, *others = (cell.coherence.kept_rhyme[far - 1] for cell in rhyming)
        if others and first.low <= others[0].high:
            said += " The intervals of the first two overlap."
    copied = max(cells, key=lambda cell: cell.coherence.longest_copy, default=None)
    if copied is not None and copied.coherence.longest_copy:
        said += (
            f" The longest stretch that stands in the training text letter by letter is "
            f"{phrases.characters(copied.coherence.longest_copy)} long ({the(copied.cell, known)})."
        )
    return said
