"""The whole comparison as one HTML page that fetches nothing and runs nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from chargen.records import Comparison
from chargen.report import markup, phrases, sources
from chargen.report.phrases import SPACE
from chargen.report.section import Section
from chargen.report.sections.loss import of_loss, of_windows
from chargen.report.sections.memory import of_memory
from chargen.report.sections.tasks import of_the_tasks
from chargen.report.sections.writing import of_writing
from chargen.report.style import Look, looks
from chargen.report.stylesheet import stylesheet
from chargen.report.words.loss import lede
from chargen.report.words.names import spread

TITLE = "What memory buys"


def sections(comparison: Comparison) -> list[Section]:
    """Every section that has something to show, in the order of the page."""
    return [
        *of_the_tasks(comparison),
        *of_loss(comparison),
        *of_memory(comparison),
        *of_windows(comparison),
        *of_writing(comparison),
    ]


def page(comparison: Comparison) -> bytes:
    """report.html."""
    known = looks(comparison)
    shown = sections(comparison)
    body = "\n".join(section.html(known) for section in shown)
    title = f"{TITLE}: {phrases.listing([look.label for look in known.values()])}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{markup.text(title)}</title>\n<style>\n{stylesheet()}</style>\n</head>\n<body>\n"
        f"{_header(comparison, known)}\n<main>\n{body}\n{_checks(comparison)}\n"
        f"{_settings(comparison)}\n{sources.section(comparison)}\n</main>\n"
        f"<footer><p>Made by chargen. Every number of this page is in comparison.json.</p></footer>"
        "\n</body>\n</html>\n"
    ).encode()


def _header(comparison: Comparison, known: Mapping[str, Look]) -> str:
    facts = []
    if comparison.cells:
        facts += [
            ("Text", phrases.visible(comparison.corpus)),
            ("Its length in characters", phrases.count(comparison.corpus_characters)),
            ("Of these held out", phrases.count(comparison.held_out_characters)),
            ("Distinct characters", phrases.count(comparison.vocab_size)),
            ("Read by each network", phrases.count(comparison.characters_read)),
        ]
    facts.append(("Time for all of it", phrases.duration(comparison.seconds)))
    rows = "".join(
        f"<div><dt>{name}</dt><dd>{markup.text(value)}</dd></div>" for name, value in facts
    )
    return (
        f"<header><h1>{TITLE}</h1>"
        f'<p class="lede">{markup.prose(lede(comparison), known)}</p>{_warning(comparison)}'
        f'<dl class="facts">{rows}</dl>{_spans(comparison, known)}{_losses(comparison, known)}'
        f"{_networks(known)}</header>"
    )


def _warning(comparison: Comparison) -> str:
    failed = [check.name for check in comparison.checks if not check.passed]
    if not failed:
        return ""
    many = "A check" if len(failed) == 1 else f"{phrases.capital(phrases.word(len(failed)))} checks"
    return (
        f'<p class="warning"><b>{many} of this comparison failed:</b> '
        f'{markup.text(phrases.listing(failed))}. <a href="#checks">What that means</a>.</p>'
    )


def _spans(comparison: Comparison, known: Mapping[str, Look]) -> str:
    """The memory span of each cell in each task."""
    tasks = [task for task in comparison.tasks.values() if task.cells]
    if not tasks:
        return ""
    longest = max((lag for task in tasks for lag in task.lags), default=1)
    rows = []
    for name, look in known.items():
        row = [markup.named(look)]
        for task in tasks:
            cell = task.cells.get(name)
            if cell is None:
                row.append(phrases.NOTHING)
                continue
            share = math.log2(1 + cell.span) / math.log2(1 + longest)
            row.append(
                f"{phrases.span(cell.span, cell.span_is_least)}"
                f"{markup.bar(share, look.role.variable)}"
            )
        rows.append(row)
    levels = phrases.listing(sorted({phrases.percent(task.least_accuracy) for task in tasks}), "or")
    return (
        '<section id="spans"><h2>How far back each remembers</h2><p class="question">The memory '
        f"span, in characters: the longest lag up to which {levels} of the answers are right. "
        "The bars grow by the same length with each doubling.</p>"
        + markup.table(["Network", *(markup.text(task.name) for task in tasks)], rows, "look")
        + "</section>"
    )


def _losses(comparison: Comparison, known: Mapping[str, Look]) -> str:
    """The loss of each cell and what it was trained with."""
    if not comparison.cells:
        return ""
    rows = []
    for name, cell in comparison.cells.items():
        wide = spread(cell)
        reach = "none" if cell.effective_context is None else phrases.count(cell.effective_context)
        rows.append(
            [
                markup.named(known[name]),
                f"<b>{phrases.bits(cell.validation_bpc)}</b>",
                "one run" if wide is None else phrases.bits(wide),
                reach,
                phrases.count(cell.parameters),
                f"{cell.num_layers} \N{MULTIPLICATION SIGN} {phrases.count(cell.hidden_size)}",
                phrases.rate(cell.learning_rate),
                markup.text(phrases.duration(cell.seconds)),
            ]
        )
    head = [
        "Network",
        "Bits per character",
        "Worst run less best",
        "Effective context",
        "Parameters",
        "Layers",
        "Learning rate",
        "Training time",
    ]
    return (
        '<section id="losses"><h2>How well each predicts</h2><p class="question">On text held out '
        "from training; fewer bits are better. The effective context is how many characters back "
        f"it must see to come within 1{SPACE}% of that.</p>"
        + markup.table(head, rows, "numbers")
        + "</section>"
    )


def _networks(known: Mapping[str, Look]) -> str:
    cards = "".join(
        f'<div style="border-color:var({look.role.variable})"><h3>{markup.named(look)}</h3>'
        f"<p>{markup.text(sources.NETWORKS[name].said)}</p></div>"
        for name, look in known.items()
        if name in sources.NETWORKS
    )
    if not cards:
        return ""
    return (
        f'<section id="networks"><h2>The networks</h2><div class="networks">{cards}</div></section>'
    )


def _checks(comparison: Comparison) -> str:
    if not comparison.checks:
        return ""
    ordered = sorted(comparison.checks, key=lambda check: check.passed)
    items = "".join(
        f'<li class="{"passed" if check.passed else "failed"}">'
        f'<span class="verdict">{"✓ passed" if check.passed else "✗ FAILED"}</span>'
        f"<b>{markup.text(check.name)}</b>: {markup.text(check.said)}</li>"
        for check in ordered
    )
    passed = sum(check.passed for check in ordered)
    return (
        '<section id="checks"><h2>Can this comparison be trusted?</h2><p class="question">'
        "Things that must hold if it is to be fair, checked as it ran: "
        f'{passed} of {len(ordered)} passed.</p><ul class="checks">{items}</ul></section>'
    )


def _settings(comparison: Comparison) -> str:
    command = comparison.settings.get("command")
    again = ""
    if isinstance(command, str) and command:
        again = f'<pre class="command">{markup.text(command)}</pre>'
    rows = [
        [f"<code>{markup.text(name)}</code>", markup.text(_setting(value))]
        for name, value in comparison.settings.items()
        if name != "command"
    ]
    settings = markup.table(["Setting", "Value"], rows, "settings") if rows else ""
    if not again and not settings:
        return ""
    body = f"{again}{_again(comparison)}{settings}"
    return f'<section id="settings"><h2>How to make it again</h2>{body}</section>'


def _again(comparison: Comparison) -> str:
    if not comparison.cells:
        return ""
    return (
        "<p>How many characters fit into the minutes hangs on the speed of the machine: elsewhere "
        "it is another number, and the figures differ with it.</p>"
    )


def _setting(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
