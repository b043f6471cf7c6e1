"""The sections on how each network closes, spells and writes."""

from __future__ import annotations

from functools import partial

from chargen.records import CellResult, Comparison
from chargen.report import markup, phrases
from chargen.report.figures import memory as figures
from chargen.report.phrases import SPACE
from chargen.report.section import Picture, Section
from chargen.report.style import looks
from chargen.report.words import memory as words


def of_writing(comparison: Comparison) -> list[Section]:
    """What each network closes, how it spells, and what it writes by itself."""
    found = [_closers(comparison)] if comparison.cells else []
    if any(cell.neuron for cell in comparison.cells.values()):
        found.append(_neuron(comparison))
    if comparison.cells:
        found.append(_coherence(comparison))
    return found


def _closers(comparison: Comparison) -> Section:
    heading = "Does it close what it opened?"
    if not any(cell.closers for cell in comparison.cells.values()):
        return Section(
            "closers",
            heading,
            seen=("Left out: the held-out text has too few quotation marks and brackets for it.",),
        )
    return Section(
        "closers",
        heading,
        "A bracket or quotation mark asks to be closed, sometimes long after it was opened.",
        (words.closers(comparison),),
        Picture("closers", partial(figures.closers, comparison)),
        "The probability that the network gives to the right closing mark where one stands in the "
        "held-out text, averaged by the distance to the mark that opened it. "
        f"Bars: 95{SPACE}% intervals (after Karpathy et al. 2015).",
    )


def _neuron(comparison: Comparison) -> Section:
    known = looks(comparison)
    shown = [cell for cell in comparison.cells.values() if cell.neuron]
    prefixes = list(dict.fromkeys((one.prefix, one.right) for cell in shown for one in cell.neuron))
    rows = [
        [
            f"<code>{markup.text(prefix)}</code><code class='next'>{markup.text(right)}</code>",
            *(_guesses(cell, prefix, known[cell.cell].role.variable) for cell in shown),
        ]
        for prefix, right in prefixes
    ]
    return Section(
        "neuron",
        f"Can it spell “{phrases.visible(comparison.prompt)}”?",
        "After each letter the network says which comes next. Without a memory it knows the last "
        "letter alone, and several words go through the same letter.",
        (words.neuron(comparison),),
        None,
        "Each network read the letters so far from an empty memory. The bar and the figure are the "
        "probability of the right next character; below, its five best guesses, the right one "
        "framed.",
        markup.table(
            ["Read, and right next", *(markup.named(known[cell.cell]) for cell in shown)],
            rows,
            "neuron",
        ),
    )


def _guesses(cell: CellResult, prefix: str, variable: str) -> str:
    step = next((one for one in cell.neuron if one.prefix == prefix), None)
    if step is None:
        return ""
    items = "".join(
        f"<li{' class=right' if letter == step.right else ''}><code>{_letter(letter)}</code>"
        f" {markup.text(phrases.percent(probability))}</li>"
        for letter, probability in step.guesses
    )
    return (
        f'<div class="odds">{markup.bar(step.probability, variable)}'
        f"<b>{markup.text(phrases.percent(step.probability))}</b></div>"
        f"<ol>{items}</ol>"
    )


def _letter(letter: str) -> str:
    return "␣" if letter == " " else markup.text(letter)


def _coherence(comparison: Comparison) -> Section:
    known = looks(comparison)
    cells = list(comparison.cells.values())
    rhymes = any(cell.coherence.kept_rhyme for cell in cells)
    head = ["Network", "Known words", "Closers matched", "Longest copied stretch"]
    rows = [
        [
            markup.named(known[cell.cell]),
            markup.text(phrases.percent(cell.coherence.known_words)),
            "none written"
            if cell.coherence.closed is None
            else markup.text(phrases.percent(cell.coherence.closed)),
            markup.text(phrases.characters(cell.coherence.longest_copy)),
        ]
        for cell in cells
    ]
    corpus = comparison.corpus_coherence
    if corpus is not None:
        closed = "none" if corpus.closed is None else phrases.percent(corpus.closed)
        rows.append(
            [
                "The held-out text",
                markup.text(phrases.percent(corpus.known_words)),
                markup.text(closed),
                markup.text(phrases.characters(corpus.longest_copy)),
            ]
        )
    boxes = "".join(
        f'<div class="sample" style="border-color:var({known[cell.cell].role.variable})">'
        f"<h3>{markup.named(known[cell.cell])}</h3>"
        f"<pre>{markup.text(cell.samples[0], lines=True)}</pre>"
        + (
            "<details><summary>More</summary>"
            + "".join(f"<pre>{markup.text(one, lines=True)}</pre>" for one in cell.samples[1:])
            + "</details>"
            if cell.samples[1:]
            else ""
        )
        + "</div>"
        for cell in cells
        if cell.samples
    )
    how = (
        "Measured on text that each network wrote from the same beginnings, at a temperature of "
        f"{comparison.settings.get('temperature', phrases.NOTHING)}; what the held-out text scores "
        "stands beside it. Known are words of the training text, copied is a stretch of it."
    )
    if rhymes:
        how += (
            " The figure: among the words so many places after the line's first rhyme word, the "
            f"share that belongs to the same rhyme family; bars are 95{SPACE}% intervals."
        )
    return Section(
        "coherence",
        "What does it write?",
        "A good loss is not yet good writing: does a line stay with what it began?",
        (words.coherence(comparison),),
        Picture("rhyme", partial(figures.rhyme, comparison)) if rhymes else None,
        how,
        markup.table(head, rows, "numbers") + f'<div class="samples">{boxes}</div>',
    )
