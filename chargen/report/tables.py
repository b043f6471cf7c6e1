"""The comparison as plain text for a terminal of any width."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from chargen.records import Comparison
from chargen.report import phrases
from chargen.report.style import looks
from chargen.report.words import loss, memory, tasks
from chargen.report.words.names import spread

GAP = "  "


def summary(comparison: Comparison, width: int) -> str:
    """Spans, losses, what they say, and the checks; no line is longer than width (20 or more)."""
    known = looks(comparison)
    parts = []
    asked = [task for task in comparison.tasks.values() if task.cells]
    if asked:
        rows = []
        for name, look in known.items():
            row = [look.label]
            for task in asked:
                cell = task.cells.get(name)
                row.append(phrases.span(cell.span, cell.span_is_least) if cell else "-")
            rows.append(row)
        parts += [
            wrapped("Memory span: the longest lag in characters still answered right", width),
            table(["network", *(phrases.visible(task.name) for task in asked)], rows, width),
        ]
        parts += [
            wrapped(f"{phrases.visible(task.name)}: {tasks.spans(task, known)}", width)
            for task in asked
        ]
    if comparison.cells:
        rows = []
        for name, result in comparison.cells.items():
            wide = spread(result)
            reach = result.effective_context
            rows.append(
                [
                    known[name].label,
                    phrases.bits(result.validation_bpc),
                    "one run" if wide is None else phrases.bits(wide),
                    "none" if reach is None else phrases.count(reach),
                    phrases.count(result.parameters),
                    phrases.rate(result.learning_rate),
                    phrases.duration(result.seconds),
                ]
            )
        head = ["network", "bits/char", "spread", "context", "parameters", "rate", "time"]
        parts += [
            wrapped(
                f"Held-out loss on {phrases.visible(comparison.corpus)} after reading "
                f"{phrases.characters(comparison.characters_read)}",
                width,
            ),
            table(head, rows, width),
            wrapped(loss.loss(comparison), width),
            wrapped(memory.context(comparison), width),
        ]
    checks = [
        wrapped(
            f"{'passed' if check.passed else 'FAILED'}  {phrases.visible(check.name)}: "
            f"{phrases.visible(check.said)}",
            width,
            indent="        ",
        )
        for check in sorted(comparison.checks, key=lambda check: check.passed)
    ]
    if checks:
        parts.append("\n".join(["Checks", *checks]))
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    """A table, its columns as wide as they must be, names to the left and numbers to the right.

    Columns that do not fit beside the others follow in a table below, with the names again.
    """
    columns = list(zip(head, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    names = min(widths[0], max(4, width // 2))
    room = width - names
    blocks: list[list[int]] = [[]]
    left = room
    for place in range(1, len(columns)):
        need = min(widths[place], room - len(GAP)) + len(GAP)
        if need > left and blocks[-1]:
            blocks.append([])
            left = room
        blocks[-1].append(place)
        left -= need
    lines = []
    for block in blocks:
        sizes = [min(widths[place], room - len(GAP)) for place in block]
        for line in zip(*(columns[place] for place in (0, *block)), strict=True):
            cells = [f"{cell[:size]:>{size}}" for cell, size in zip(line[1:], sizes, strict=True)]
            lines.append(GAP.join([f"{line[0][:names]:<{names}}", *cells]).rstrip())
        lines.append("")
    return "\n".join(lines).rstrip()


def wrapped(text: str, width: int, indent: str = "") -> str:
    """The text in lines of at most so many characters."""
    if len(indent) * 2 > width:
        indent = ""
    return textwrap.fill(text, width, subsequent_indent=indent, break_on_hyphens=False)
