"""The sentences on the loss, made from what was measured.

Nothing is claimed that the numbers at hand do not say, and where two results cannot be told
apart, that is what the sentence says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from chargen.records import CellResult, Comparison
from chargen.report import phrases
from chargen.report.phrases import SPACE
from chargen.report.style import Look, looks
from chargen.report.words.names import BPC, ranked, spread, the

_NEAR_PAIRS = 0.02  # nats


def lede(comparison: Comparison) -> str:
    """What was compared, in two sentences."""
    known = looks(comparison)
    names = [f"{look.article} {look.name}" for look in known.values()]
    many = phrases.capital(phrases.word(len(names)))
    said = f"{many} network{'' if len(names) == 1 else 's'}: {phrases.listing(names)}."
    if comparison.cells:
        who, text = ("Each", "the same text") if len(comparison.cells) > 1 else ("It", "the text")
        length = comparison.corpus_characters - comparison.held_out_characters
        passes = comparison.characters_read / max(1, length)
        again = f", most of it {passes:.0f} times over," if passes >= 2 else ""
        said += (
            f" {who} read {phrases.characters(comparison.characters_read)} of {text}{again} and "
            f"then predicted {phrases.count(comparison.held_out_characters)} that it had never "
            "seen."
        )
    if comparison.tasks:
        who = "Others of the same kinds were" if comparison.cells else "Each was"
        said += (
            f" {who} trained on short texts whose end hangs on their beginning, and asked about "
            "what stood further and further back."
        )
    return said


def loss(comparison: Comparison) -> str:
    """Which cell predicts the held-out text best, by how much, and how sure that is."""
    known, order = looks(comparison), ranked(comparison)
    if not order:
        return "No network has a held-out loss."
    best = order[0]
    first = phrases.capital(the(best.cell, known))
    said = f"{first} needs {phrases.bits(best.validation_bpc)} {BPC} of the held-out text"
    if len(order) == 1:
        return f"{said}. {_bigrams(comparison, best, known)}".strip()
    rest = [f"{the(cell.cell, known)} {phrases.bits(cell.validation_bpc)}" for cell in order[1:]]
    second = order[1]
    less = second.validation_bpc - best.validation_bpc
    said += f", the least of all; {phrases.listing(rest)}. "
    said += f"{first} is {phrases.bits(less)} bits ahead of {the(second.cell, known)}"
    said += _lead(second)
    said += f"{_certainty(best, second, known)} {_bigrams(comparison, best, known)}"
    lost = [the(name, known) for name in comparison.cells if name not in {c.cell for c in order}]
    if lost:
        said += f" {phrases.capital(phrases.listing(lost))} diverged and has no loss."
    return said.strip()


def _lead(second: CellResult) -> str:
    """How exactly the held-out text tells the best from the second."""
    apart = second.behind
    if apart is None:
        return ""
    said = f" (95{SPACE}% interval over the held-out characters {phrases.bits(apart.low)} to"
    said += f" {phrases.bits(apart.high)}"
    return f"{said}: too few to tell)" if apart.low <= 0 else f"{said})"


def _certainty(best: CellResult, second: CellResult, known: Mapping[str, Look]) -> str:
    runs, others = (
        [nats if math.isfinite(nats) else math.inf for nats in cell.seeds]
        for cell in (best, second)
    )
    if len(runs) < 2 and len(others) < 2:
        return "; each was trained once, so that a small difference may be chance."
    if len(runs) < 2 or len(others) < 2:
        return "; one of the two was trained once, so that a small difference may be chance."
    if max(runs) < min(others):
        return (
            f", and each of its {phrases.word(len(runs))} runs is better than all of "
            f"{the(second.cell, known)}\N{RIGHT SINGLE QUOTATION MARK}s (runs of two equal "
            f"networks would lie so apart in one of "
            f"{phrases.count(_orders(len(runs), len(others)))} cases)."
        )
    return ", but runs of the two overlap: this does not tell which of them is the better."


def _orders(runs: int, others: int) -> int:
    """In one of how many cases all of some runs lie before or behind all others by chance."""
    return math.comb(runs + others, runs) // 2


def _bigrams(comparison: Comparison, best: CellResult, known: Mapping[str, Look]) -> str:
    if comparison.bigram_nats is None or not math.isfinite(comparison.bigram_nats):
        return ""
    pairs = phrases.from_nats(comparison.bigram_nats)
    said = f"A mere table of pairs of characters comes to {phrases.bits(pairs)}"
    near = [
        the(cell.cell, known)
        for cell in comparison.cells.values()
        if abs(cell.validation_nats - comparison.bigram_nats) <= _NEAR_PAIRS
    ]
    if near:
        return (
            f"{said}, very near to {phrases.listing(near)}: there is little more to know from the "
            "last character alone."
            if "feedforward" in comparison.cells and near == [the("feedforward", known)]
            else f"{said}, very near to {phrases.listing(near)}."
        )
    if best.validation_bpc >= pairs:
        return f"{said}, which none of the networks beats."
    return f"{said}."


def sweep(comparison: Comparison) -> str:
    """Which rate each cell got, and whether a better one may lie outside those tried."""
    known = looks(comparison)
    chosen = [
        f"{phrases.rate(cell.learning_rate)} for {the(name, known)}"
        for name, cell in comparison.cells.items()
    ]
    said = f"The ringed rates were used: {phrases.listing(chosen)}."
    for name, cell in comparison.cells.items():
        rates = sorted(rate for rate, value in cell.sweep if math.isfinite(value))
        tried = sorted(rate for rate, _ in cell.sweep)
        if len(tried) > 1 and cell.learning_rate in (tried[0], tried[-1]):
            end = "smallest" if cell.learning_rate == tried[0] else "largest"
            said += (
                f" For {the(name, known)} that is the {end} rate tried, so that a"
                f" {end.replace('est', 'er')} one may serve it better still."
            )
        if len(rates) < len(tried):
            lost = [phrases.rate(rate) for rate in tried if rate not in rates]
            said += f" At {phrases.listing(lost)} {the(name, known)} diverged."
    return said


def window(comparison: Comparison) -> str:
    """Which length of the training window does best, and what it costs."""
    known = looks(comparison)
    runs = [run for run in comparison.windows if math.isfinite(run.validation_nats)]
    if not runs:
        return "Every run diverged."
    best = min(runs, key=lambda run: run.validation_nats)
    said = (
        f"Of the lengths tried, {phrases.characters(best.sequence_length)} led to the lowest "
        f"held-out loss, {phrases.bits(phrases.from_nats(best.validation_nats))} {BPC}"
    )
    worst = max(runs, key=lambda run: run.validation_nats)
    if worst is not best:
        said += (
            f"; {phrases.count(worst.sequence_length)} led to the highest, "
            f"{phrases.bits(phrases.from_nats(worst.validation_nats))}"
        )
    said += "."
    cell = comparison.cells.get(comparison.window_cell)
    wide = spread(cell) if cell else None
    if wide is not None:
        close = [
            run
            for run in runs
            if run is not best
            and phrases.from_nats(run.validation_nats - best.validation_nats) <= wide
        ]
        said += (
            f" Each length was trained once, and runs of {the(comparison.window_cell, known)} "
            f"differ by {phrases.bits(wide)} bits from seed to seed"
        )
        if close:
            lengths = [phrases.count(run.sequence_length) for run in close]
            said += f", so that {phrases.listing(lengths)} may be as good"
        said += "."
    else:
        said += " Each length was trained once, so that small differences may be chance."
    times = sorted(runs, key=lambda run: run.seconds)
    if len(times) > 1:
        said += (
            f" Training took from {phrases.duration(times[0].seconds)} with windows of "
            f"{phrases.count(times[0].sequence_length)} to {phrases.duration(times[-1].seconds)} "
            f"with windows of {phrases.count(times[-1].sequence_length)}."
        )
    return said
