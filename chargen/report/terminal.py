"""The result of a comparison as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import partial

from chargen.comparison.result import Comparison
from chargen.report import sentences, tables
from chargen.report.formatting import visible
from chargen.report.theme import styles

GAP = "  "


def summary(comparison: Comparison, width: int) -> str:
    """Return the result, the networks, and the checks; no line is longer than width, at least 20.

    Failed checks come first.
    """
    looks, text = styles(comparison), comparison.text
    wrap = partial(textwrap.fill, width=width, break_on_hyphens=False)
    parts = [wrap(sentences.headline(comparison, looks))]
    if looks:
        table = tables.networks(comparison)
        table["Network"] = [looks[name].label for name in table["Network"]]
        parts.append(format_table(table, width))
    if text is not None:
        parts += [wrap(sentences.loss(text, looks)), wrap(sentences.context(text, looks))]
    parts += [wrap(visible(note)) for note in comparison.notes]
    if comparison.checks:
        checks = ["Checks"]
        for check in sorted(comparison.checks, key=lambda check: check.passed):
            line = f"{'passed' if check.passed else 'FAILED'}  {check.name}: {check.details}"
            checks.append(wrap(visible(line), subsequent_indent=" " * 8))
        parts.append("\n".join(checks))
    return "\n\n".join(filter(None, parts)) + "\n"


def format_table(table: tables.Table, width: int) -> str:
    """Return a table with names on the left and right-aligned values.

    Columns that do not fit follow in another table below, with the names again.
    """
    names, *columns = ([heading, *values] for heading, values in table.items())
    left = _aligned(names, max(4, width // 2), "<")
    room = width - len(left[0])
    blocks, lines = [], left
    for column in columns:
        right = _aligned(column, room - len(GAP), ">")
        if lines is not left and len(lines[0]) + len(GAP) + len(right[0]) > width:
            blocks.append(lines)
            lines = left
        lines = [line + GAP + value for line, value in zip(lines, right, strict=True)]
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in [*blocks, lines])


def _aligned(column: Sequence[str], most: int, side: str) -> list[str]:
    """Pad the values to the widest, but cut them at `most` characters."""
    size = min(most, max(map(len, column)))
    return [f"{value[:size]:{side}{size}}" for value in column]
