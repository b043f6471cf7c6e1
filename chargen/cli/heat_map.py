"""A table with one row per character of a text, which shows numbers as shades and digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from chargen.cli.display import coloured, shaded
from chargen.text.display import text_width, visible_character

Predictions = Sequence[tuple[str, float]]

_LEVELS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_CELL, _SIGNED, _LEVEL = 4, 2, 1  # columns of a number, of a level with its sign, of a level
_MIN_PREDICTION = 5
_MAX_BAR = 17


@dataclass(frozen=True)
class HeatMap:
    """The layout of a table that fits a width of 20 columns or more.

    names: the headings of the numbers, from 0 to 1. labels: the columns of each text. places: the
    columns of the largest place. depth: of the colours, see `colour_depth`. bar: the number that
    a bar shows; the numbers then have a sign.

    A number has four columns or more if there is room. Otherwise it is a level in one column, after
    a sign if the numbers are signed and there is room.
    """

    names: tuple[str, ...]
    labels: tuple[int, ...]
    places: int
    width: int
    depth: int
    bar: str = ""

    @cached_property
    def _size(self) -> int:
        """The columns of a number."""
        sizes = (_CELL, _SIGNED) if self.bar else (_CELL,)
        return next((size for size in sizes if self._fits(size)), _LEVEL)

    @property
    def signed(self) -> bool:
        """Whether there is room for the signs of numbers."""
        return self._size != _LEVEL

    @cached_property
    def headings(self) -> tuple[str, ...]:
        """The names as they are shown: only their first letters if there is little room."""
        return self.names if self._size == _CELL else tuple(name[0] for name in self.names)

    @cached_property
    def _numbered(self) -> bool:
        """Whether the places are shown."""
        return self._fits(self._size)

    def _fits(self, size: int) -> bool:
        return self.places + 1 + self._cells(size) + self._least <= self.width

    @cached_property
    def bar_columns(self) -> int:
        """The columns of the bar: an odd number, or 0."""
        room = min(_MAX_BAR, self._room - _MIN_PREDICTION - 2)
        return 0 if not self.bar or room < 3 else room - 1 + room % 2

    @cached_property
    def _room(self) -> int:
        """The columns after the numbers."""
        places = self.places + 1 if self._numbered else 0
        return self.width - places - self._cells(self._size) - self._least + _MIN_PREDICTION

    @property
    def _least(self) -> int:
        """The columns of the labels and of one prediction."""
        return sum(self.labels) + len(self.labels) + 1 + _MIN_PREDICTION

    def _cells(self, size: int) -> int:
        """The columns of all numbers."""
        return sum(max(_CELL, len(name)) + 1 if size == _CELL else size for name in self.names)

    def head(self, texts: Sequence[str] = ("",)) -> str:
        """Return the headings. texts: the names of the texts, if there are several."""
        labels = "".join(f"{name:<{size}} " for name, size in zip(texts, self.labels, strict=True))
        if self._size == _CELL:
            cells = "".join(f" {name:>{_CELL}}" for name in self.headings) + " "
        else:
            cells = "".join(f"{name:>{self._size}}" for name in self.headings) + " "
        bar = f"{'0':^{self.bar_columns}}  " if self.bar_columns else ""
        share = self._share(len(texts))
        lists = " ".join(f"{f'next {name}'[:share]:<{share}}" for name in texts)
        return (self._place("") + labels + cells + bar + lists)[: self.width].rstrip()

    def row(
        self,
        place: str,
        texts: Sequence[str],
        values: Sequence[float],
        *predictions: Predictions,
    ) -> str:
        """Return a row: a place, a character of each text, the numbers, and next characters.

        predictions: one or several lists, which share the room.
        """
        row = self._place(place)
        for text, label in zip(texts, self.labels, strict=True):
            row += text + " " * (label - text_width(text) + 1)
        row += "".join(map(self._cell, self.names, values)) + " "
        if self.bar_columns:
            row += signed_bar(values[self.names.index(self.bar)], self.bar_columns) + "  "
        share = self._share(max(1, len(predictions)))
        shown = [next_characters(each, share, self.depth) for each in predictions]
        return (row + " ".join(shown)).rstrip()

    def _share(self, count: int) -> int:
        """The columns of each of `count` lists of predictions."""
        room = self._room - (self.bar_columns + 2 if self.bar_columns else 0)
        return (room - (count - 1)) // count

    def _place(self, place: str) -> str:
        return f"{place:>{self.places}} " if self._numbered else ""

    def _cell(self, name: str, value: float) -> str:
        if self._size != _CELL:
            sign = "" if self._size == _LEVEL else "-" if value < 0 else " "
            return sign + shaded(level(abs(value)), abs(value), self.depth)
        text = number(value)
        if not self.depth and not self.bar:
            text = level(value) + text
        return " " + shaded(f"{text:>{max(_CELL, len(name))}}", abs(value), self.depth)


def next_characters(predictions: Predictions, room: int, depth: int) -> str:
    """Return as many predictions as fit, padded to `room` columns.

    There are two spaces between them if all of them fit then, else one.
    """
    texts = [f"{visible_character(likely)} {number(p)}" for likely, p in predictions]
    gap = 2 if sum(map(text_width, texts)) + 2 * len(texts) <= room else 1
    shown = ""
    for text, (_, probability) in zip(texts, predictions, strict=True):
        if text_width(text) > room:
            break
        room -= text_width(text)
        shown += coloured(text, probability) if depth else text
        spaces = min(room, gap)
        shown, room = shown + " " * spaces, room - spaces
    return shown + " " * room


def label_width(text: str) -> int:
    """Return the columns of the widest character of a text when it is shown on its own."""
    return max(text_width(visible_character(character)) for character in set(text))


def level(share: float) -> str:
    """Return a block whose height shows a share from 0 to 1."""
    return _LEVELS[min(len(_LEVELS) - 1, int(share * len(_LEVELS)))]


def number(value: float) -> str:
    """Format a number with at most three columns and a sign: .52, 1.0, 12, -.52."""
    size = abs(value)
    text = f"{size:.2f}"[1:] if size < 0.995 else f"{size:.1f}" if size < 9.95 else f"{size:.0f}"
    return f"-{text}" if value < 0 and text != ".00" else text


def signed_bar(value: float, width: int) -> str:
    """Return a bar from the middle of `width` columns: to the right if the value is positive.

    Values beyond 1 and -1 are cut.
    """
    half = width // 2
    length = min(half, round(abs(value) * half))
    left, right = ("\u2588" * length, "") if value < 0 else ("", "\u2588" * length)
    return f"{left:>{half}}\u2502{right:<{half}}"
