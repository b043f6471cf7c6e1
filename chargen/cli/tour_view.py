"""The screens of the lecture as lines of a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from chargen.cli.display import shaded, wrapped
from chargen.cli.heat_map import level, next_characters, number
from chargen.cli.unfolded import folded, side_by_side, unfolded, unfolded_caption
from chargen.model.cells.registry import CELLS
from chargen.text.display import bar, one_line, text_width, visible_character
from chargen.tour.screens import Bar, Cell, Diagram, Drawing, Live, Part, Screen, Table

_MAX_TEXT, _MAX_BAR = 80, 30  # columns that are still easy to read
_MIN_TABLE = 40
_SHARE = 4  # columns of a share
_GAPS = (2, 1)  # between columns; the second one if the table is too wide with the first
_MARK, _RULE = "\u2502", "\u2500"


def lines(screen: Screen, place: str, width: int, depth: int) -> Iterator[str]:
    """Yield the lines of a screen. They fit a width of 40 columns or more; text fits a smaller one.

    place: such as "1 of 7". depth: of the colours, see `colour_depth`.
    """
    columns = min(width, _MAX_TEXT)
    *above, last = wrapped(f"{place}: {screen.title}", columns)
    yield from (_bold(line, depth) for line in above)
    yield f"{_bold(last, depth)} {_RULE * (columns - len(last) - 1)}".rstrip()
    parts = [part for part in screen.body if not isinstance(part, Live)]
    for part, following in zip_longest(parts, parts[1:]):
        yield from _part(part, width, columns, depth)
        # The explanation of a figure is directly above it: a screen has room for few lines.
        if following is None or isinstance(part, Table | Drawing) or isinstance(following, str):
            yield ""
    yield from _labelled("Look at", screen.look, columns, depth)
    for command in screen.commands:
        # Not wrapped: a terminal that wraps a long line copies it as one line.
        yield from _labelled("Try", f"{command.purpose}:", columns, depth)
        yield f"  {command.line}"


def _part(part: Part, width: int, columns: int, depth: int) -> Iterator[str]:
    if isinstance(part, str):
        yield from wrapped(part, columns)
    elif isinstance(part, Table):
        yield from wrapped(f"{part.caption}:", columns)
        yield from _table(part, max(_MIN_TABLE, width), depth)
    elif isinstance(part, Diagram):
        yield from part.text.split("\n")
    elif isinstance(part, Drawing):
        yield from _drawing(part, width, columns)


def _drawing(drawing: Drawing, width: int, columns: int) -> Iterator[str]:
    """Yield the two forms of a network, next to each other if there is room."""
    loop = list(folded(drawing.config, CELLS[drawing.config.cell]))
    together = side_by_side(loop, list(unfolded(drawing.trace, width)))
    if max(map(text_width, together)) <= width:
        yield from together
        yield from wrapped(drawing.caption, columns)
    else:
        yield from (*loop, "", *wrapped(drawing.caption, columns))
        yield from unfolded(drawing.trace, width)
    yield from wrapped(unfolded_caption(drawing.trace), columns)


def _labelled(label: str, text: str, columns: int, depth: int) -> Iterator[str]:
    first, *rest = wrapped(f"{label}: {text}", columns)
    yield first.replace(label, _bold(label, depth), 1)
    yield from rest


def _table(table: Table, width: int, depth: int) -> Iterator[str]:
    """Yield the rows of a table. Bars, and a last column of predictions, share the free room."""
    columns = list(zip(*table.rows, strict=True))
    widths = [_least(name, cells) for name, cells in zip(table.columns, columns, strict=True)]
    gap = next((gap for gap in _GAPS if sum(widths) + gap * len(widths) <= width), _GAPS[-1])
    room = width - sum(widths) - gap * (len(widths) - 1)
    bars = sum(isinstance(cell, Bar) for cell in table.rows[0])
    length = min(_MAX_BAR, room // bars - 1) if bars else 0
    space = " " * gap
    head = [
        f"{name:>{w}}"
        if isinstance(cell, float)
        else f"{name:<{w + 1 + length}}"
        if isinstance(cell, Bar)
        else f"{name:<{w}}"
        for name, w, cell in zip(table.columns, widths, table.rows[0], strict=True)
    ]
    yield space.join(head).rstrip()
    for row in table.rows:
        shown = [
            _cell(cell, w, length, table.threshold, room, depth)
            for cell, w in zip(row, widths, strict=True)
        ]
        yield space.join(shown).rstrip()


def _least(name: str, cells: Sequence[Cell]) -> int:
    """Return the least columns of a table's column, without bars and predictions."""
    first = cells[0]
    if isinstance(first, float):
        return max(_SHARE, len(name))
    if isinstance(first, Bar):
        return max(text_width(cell.text) for cell in cells if isinstance(cell, Bar))
    return max(map(text_width, [name, *(cell for cell in cells if isinstance(cell, str))]))


def _cell(
    cell: Cell, width: int, length: int, threshold: float | None, room: int, depth: int
) -> str:
    if isinstance(cell, str):
        text = visible_character(cell) if len(cell) == 1 else one_line(cell)
        return text + " " * (width - text_width(text))
    if isinstance(cell, float):
        text = number(cell) if depth else level(cell) + number(cell)
        return " " * (width - _SHARE) + shaded(f"{text:>{_SHARE}}", cell, depth)
    if isinstance(cell, Bar):
        return f"{cell.text:>{width}} {_marked(bar(cell.share, length), length, threshold)}"
    return next_characters(cell, width + room, depth)


def _marked(drawn: str, length: int, threshold: float | None) -> str:
    """Fill a bar to its length, with a mark at the threshold unless the bar covers it."""
    if threshold is None:
        return drawn.ljust(length)
    at = min(length - 1, int(threshold * length))
    return drawn.ljust(length) if len(drawn) > at else f"{drawn:<{at}}{_MARK}".ljust(length)


def _bold(text: str, depth: int) -> str:
    return f"\x1b[1m{text}\x1b[0m" if depth else text
