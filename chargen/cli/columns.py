"""A table of text in columns that fit a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chargen.text.display import shortened, text_width

GAP = "  "
_MIN_WIDTH = 12  # of a shortened cell


@dataclass(frozen=True)
class Column:
    """A column of a table.

    numeric: align its cells at the right. shortens: shorten its cells where the terminal is narrow.
    optional: the order in which columns are left out if that is not enough, the lowest number
    first; a column with 0 is always shown.
    """

    heading: str
    cells: Sequence[str]
    numeric: bool = False
    shortens: bool = False
    optional: int = 0


class Table:
    """The columns that fit `width` columns of a terminal, and their widths."""

    def __init__(self, columns: Sequence[Column], width: int) -> None:
        self.columns = list(columns)
        self.widths = _widths(self.columns, width)
        for each in sorted(filter(lambda column: column.optional, columns), key=_order):
            if sum(self.widths) + len(GAP) * (len(self.columns) - 1) <= width:
                break
            self.columns.remove(each)
            self.widths = _widths(self.columns, width)

    def __contains__(self, heading: str) -> bool:
        return any(column.heading == heading for column in self.columns)

    def heading(self) -> str:
        """Return the line of headings."""
        return self._line([column.heading for column in self.columns])

    def row(self, number: int, *, count: int | None = None) -> str:
        """Return a row, or its first `count` cells."""
        return self._line([column.cells[number] for column in self.columns[:count]])

    def lines(self) -> Iterator[str]:
        """Yield the headings and all rows."""
        yield self.heading()
        yield from map(self.row, range(len(self.columns[0].cells)))

    def _line(self, cells: Sequence[str]) -> str:
        row = []
        for column, cell, width in zip(self.columns, cells, self.widths, strict=False):
            shown = shortened(cell, width)
            padding = " " * (width - text_width(shown))
            row.append(padding + shown if column.numeric else shown + padding)
        return GAP.join(row).rstrip()


def _order(column: Column) -> int:
    return column.optional


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Return the width of each column; those that shorten share what the others leave."""
    widths = [max(map(text_width, [column.heading, *column.cells])) for column in columns]
    flexible = sorted((widths[k], k) for k, column in enumerate(columns) if column.shortens)
    room = width - len(GAP) * (len(columns) - 1) - sum(widths)
    room += sum(wanted for wanted, _ in flexible)
    for left, (wanted, k) in zip(range(len(flexible), 0, -1), flexible, strict=True):
        widths[k] = min(wanted, max(_MIN_WIDTH, room // left))
        room -= widths[k]
    return widths
